"""Tracks that another method predicted, for a method that continues from them."""

from pathlib import Path

from mevis_bench.metrics.tracking import check_tracks
from mevis_bench.records import DataError, TrackPrediction, Video
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import KINDS, FrameSpec


class TrackReader:
    """Stored tracks (``records.method.StoredTracks``).

    Args:
        path: Predictions in any format that can be scored.

    Raises:
        UsageError: Nothing exists at the path.
        DataError: Unknown format.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._source = open_predictions(path)

    def read(self, video: Video, expression_id: str) -> TrackPrediction:
        """Read the tracks of one expression.

        Raises:
            DataError: There are none, they are something else than tracks, or they do not fit the video.
        """
        location = f"{self._path}, {video.id}/{expression_id}"
        frames = FrameSpec(video.id, video.frame_names, video.height, video.width)
        prediction = self._source.read(expression_id, frames)
        if not isinstance(prediction, TrackPrediction):
            raise DataError(f"expected tracks, got {KINDS[type(prediction)]}", location=location)
        check_tracks(prediction, len(video), location)
        return prediction
