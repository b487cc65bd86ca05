"""Mask predictions in one JSON file: ``{video: {expression: [rle, ...]}}``, one COCO RLE or null a frame."""

from collections.abc import Set
from pathlib import Path
from typing import Any

from mevis_bench.files.strict_json import expect_type, read_json
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import CaptionPrediction, DataError, Rle
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction, check_length


class JsonPredictions:
    """Answers of many samples in one JSON file: run lengths a frame, or one sentence."""

    format = "JSON layout"

    def __init__(self, path: Path, videos: dict[str, Any]) -> None:
        self.path = path
        self.videos = videos

    @classmethod
    def open(cls, path: Path) -> "JsonPredictions":
        """Read the file.

        Raises:
            DataError: It is no JSON of this layout.
        """
        videos = expect_type(read_json(path), dict, str(path))
        for video_id, answers in videos.items():
            expect_type(answers, dict, f"{path}, {video_id}")
        return cls(path, videos)

    def samples(self) -> Set[str]:
        """Return the ids of all answers."""
        return {f"{video}/{expression}" for video, answers in self.videos.items() for expression in answers}

    def only(self, video_id: str) -> "JsonPredictions":
        """Return the part of one video."""
        kept = {video_id: self.videos[video_id]} if video_id in self.videos else {}
        return JsonPredictions(self.path, kept)

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one answer: a list of run lengths or a sentence.

        Raises:
            DataError: It is missing or not of this layout.
        """
        location = f"{self.path}, {clip.video_id}/{expression_id}"
        try:
            answer = self.videos[clip.video_id][expression_id]
        except KeyError:
            raise DataError("prediction is missing", location=location) from None
        if isinstance(answer, str):
            return CaptionPrediction(answer)
        entries = expect_type(answer, list, location)
        check_length(entries, clip, location)
        masks = [None if entry is None else _rle(entry, f"{location}, frame {k}") for k, entry in enumerate(entries)]
        return LoadedMasks(rows_from_rle(masks, clip.height, clip.width, location=location))


def _rle(entry: Any, location: str) -> Rle:
    """Read ``{"size": [h, w], "counts": "..."}``; counts may be plain numbers too."""
    expect_type(entry, dict, location)
    if not {"size", "counts"} <= set(entry):
        raise DataError("an RLE has 'size' and 'counts'", location=location)
    size, counts = expect_type(entry["size"], list, location), entry["counts"]
    if len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise DataError("'size' is [height, width]", location=location)
    if isinstance(counts, list):
        return Rle(size[0], size[1], _compress(counts, location))
    try:
        return Rle(size[0], size[1], expect_type(counts, str, location).encode("ascii"))
    except UnicodeEncodeError:
        raise DataError("RLE counts hold a character that is none of COCO's", location=location) from None


def _compress(counts: list[Any], location: str) -> bytes:
    """Write plain run lengths as COCO's compressed string."""
    text = bytearray()
    for index, count in enumerate(counts):
        if expect_type(count, int, location) < 0:
            raise DataError("RLE counts hold a run of negative length", location=location)
        rest = count - counts[index - 2] if index > 2 else count
        more = True
        while more:
            group = rest & 31
            rest >>= 5
            more = rest != (-1 if group & 16 else 0)
            text.append(48 + group + (32 if more else 0))
    return bytes(text)
