"""Scored candidates in one JSON file of COCO results, as MTTR and ReferFormer write them for single frames.

``[{"image_id": "v_<video>_f_<frame>...", "category_id": 1, "segmentation": RLE, "score": 0.8}, ...]``; an image is a
video with one expression, ``0``. The category does not matter.
"""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from mevis_bench.files.strict_json import expect_type
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.rle_json import parse_rle
from mevis_bench.records import DataError, Rle
from mevis_bench.store.prediction_source import Candidate, FrameSpec, LoadedMasks, best_candidate

EXPRESSION_ID = "0"


class CocoResults:
    """Scored candidates of many images."""

    format = "COCO results"

    def __init__(self, path: Path, images: Mapping[str, Sequence[Any]]) -> None:
        self.path = path
        self.images = images

    @classmethod
    def of(cls, path: Path, entries: list[Any]) -> "CocoResults":
        """Sort the entries of a file by image.

        Raises:
            DataError: An entry is not an object with an image id.
        """
        images: dict[str, list[Any]] = {}
        for index, entry in enumerate(entries):
            location = f"{path}, entry {index}"
            image_id = expect_type(entry, dict, location).get("image_id")
            images.setdefault(expect_type(image_id, str, f"{location}, image_id"), []).append(entry)
        return cls(path, images)

    def samples(self) -> Set[str]:
        """Return the ids of all predictions."""
        return {f"{image_id}/{EXPRESSION_ID}" for image_id in self.images}

    def only(self, video_id: str) -> "CocoResults":
        """Return the part of one video."""
        return CocoResults(self.path, {video_id: self.images[video_id]} if video_id in self.images else {})

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedMasks:
        """Read the candidates of one image.

        Raises:
            DataError: There is none, or one is invalid.
        """
        location = f"{self.path}, image {clip.video_id}"
        if expression_id != EXPRESSION_ID or clip.video_id not in self.images:
            raise DataError("prediction is missing", location=location)
        candidates = tuple(
            _candidate(entry, clip, f"{location}, candidate {index}")
            for index, entry in enumerate(self.images[clip.video_id])
        )
        best = best_candidate(candidates)
        rows = rows_from_rle(best.masks, clip.height, clip.width, location=location)
        return LoadedMasks(rows, candidates=candidates)


def _candidate(entry: Mapping[str, Any], clip: FrameSpec, location: str) -> Candidate:
    score = entry.get("score")
    if not isinstance(score, int | float) or isinstance(score, bool):
        raise DataError(f"score: expected a number, got {score!r}", location=location)
    masks: list[Rle | None] = [None] * len(clip.frame_names)
    scored = clip.scored or range(len(masks))
    if len(scored) != 1:
        raise DataError(f"one mask for {len(scored)} frames", location=location)
    masks[scored[0]] = parse_rle(entry.get("segmentation"), location)
    return Candidate(tuple(masks), float(score))
