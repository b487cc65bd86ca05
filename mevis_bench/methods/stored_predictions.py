"""Predictions of another method, for a method that continues from them."""

from pathlib import Path

from mevis_bench.methods.prediction_checks import check_prediction
from mevis_bench.records import DataError, MethodError, Video
from mevis_bench.records.method import EntriesT
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import KINDS, FrameSpec


class PredictionReader:
    """Stored tracks or points (``records.method.StoredPredictions``).

    Args:
        path: Predictions in any format that can be scored.

    Raises:
        UsageError: Nothing exists at the path.
        DataError: Unknown format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = open_predictions(path)

    def read(self, video: Video, expression_id: str, kind: type[EntriesT]) -> EntriesT:
        """Read the tracks or points of one expression.

        Raises:
            DataError: There is no prediction, it is of another kind, or it does not fit the video.
        """
        location = f"{self._path}, {video.id}/{expression_id}"
        frames = FrameSpec(video.id, video.frame_names, video.height, video.width)
        prediction = self._source.read(expression_id, frames)
        if not isinstance(prediction, kind):
            raise DataError(f"expected {KINDS[kind]}, got {KINDS[type(prediction)]}", location=location)
        try:
            check_prediction(prediction, video)
        except MethodError as error:
            raise DataError(error.message, location=location) from error
        return prediction
