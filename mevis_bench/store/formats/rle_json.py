"""Mask predictions in one JSON file: ``{video: {expression: [rle, ...]}}``, one COCO RLE or null a frame."""

from collections.abc import Set
from pathlib import Path
from typing import Any

from mevis_bench.files.strict_json import expect_type, read_json
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.rle_json import parse_rles
from mevis_bench.records import CaptionPrediction, DataError
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
        return LoadedMasks(rows_from_rle(parse_rles(entries, location), clip.height, clip.width, location=location))
