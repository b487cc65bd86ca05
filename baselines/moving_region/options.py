"""Options of the variant (``method.yaml``)."""

from dataclasses import dataclass

from baselines.layers.options import Count, Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the variant.

    Attributes:
        short_side: Frames are reduced to about this short side, in pixels, by a whole factor.
        reach: Frames before and after that the median is taken over.
        contrast: A pixel moves if it differs from the background by this many robust standard deviations.
        smallest: Regions below this share of the frame are dropped.
        overlap: IoU from which regions of neighboring frames are one object.
        frames: Objects that are seen in fewer frames are dropped.
    """

    short_side: Count
    reach: Count
    contrast: float
    smallest: Fraction
    overlap: Fraction
    frames: Count
