"""Mask predictions in one JSON file: ``{video: {expression: [rle, ...]}}``, one COCO RLE or null per frame."""

from collections.abc import Set
from pathlib import Path

from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.rle_json import parse_rles
from mevis_bench.records import CaptionPrediction, DataError
from mevis_bench.schemas.decode import decode_external
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction, check_length


class JsonPredictions:
    """Predictions of many samples in one JSON file: one RLE per frame, or one sentence."""

    format = "JSON layout"

    def __init__(self, path: Path, videos: dict[str, dict[str, object]]) -> None:
        self.path = path
        self.videos = videos

    @classmethod
    def of(cls, path: Path, document: object) -> "JsonPredictions":
        """Check the content of a file.

        Raises:
            DataError: It is not of this layout.
        """
        return cls(path, decode_external(document, dict[str, dict[str, object]], str(path)))

    def samples(self) -> Set[str]:
        """Return the ids of all predictions."""
        return {f"{video}/{expression}" for video, predictions in self.videos.items() for expression in predictions}

    def only(self, video_id: str) -> "JsonPredictions":
        """Return the part of one video."""
        selected = {video_id: self.videos[video_id]} if video_id in self.videos else {}
        return JsonPredictions(self.path, selected)

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one prediction: a list of RLEs or a sentence.

        Raises:
            DataError: It is missing or not of this layout.
        """
        location = f"{self.path}, {clip.video_id}/{expression_id}"
        try:
            prediction = self.videos[clip.video_id][expression_id]
        except KeyError:
            raise DataError("prediction is missing", location=location) from None
        if isinstance(prediction, str):
            return CaptionPrediction(prediction)
        if isinstance(prediction, dict) and prediction.keys() == {"prediction_masks"}:  # as Sa2VA writes them
            prediction = prediction["prediction_masks"]
        entries = decode_external(prediction, list[object], location)
        check_length(entries, clip, location)
        return LoadedMasks(rows_from_rle(parse_rles(entries, location), clip.height, clip.width, location=location))
