"""A binary mask as COCO run lengths: the form in which masks travel and rest."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rle:
    """One frame's binary mask as COCO run-length encoding.

    Runs go down the columns (Fortran order), background first. ``counts`` is COCO's compressed string as ASCII
    bytes: the same bytes that ``mask_dict.json`` of MeViS and ``pycocotools.mask`` use.

    Attributes:
        height: Rows, in pixels.
        width: Columns, in pixels.
        counts: COCO's compressed counts. They are not checked here; decoding does.
    """

    height: int
    width: int
    counts: bytes

    def to_coco(self) -> dict[str, object]:
        """Return ``{"size": [height, width], "counts": bytes}``, what ``pycocotools.mask`` takes."""
        return {"size": [self.height, self.width], "counts": self.counts}
