"""Predictions of a run, ``<video>.jsonl``, as they are scored."""

from collections.abc import Iterable, Mapping, Sequence

from mevis_bench.files.names import validate_name
from mevis_bench.files.tree import FileTree
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import DataError, PointPrediction
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_lines import StoredMasks, StoredPrediction, parse_line, split_lines
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction, check_length


class RunPredictions(TreePredictions):
    """Predictions of a run: masks, tracks, points or captions. Caches the lines of the video that was read last."""

    format = "run folder"
    layout = "<video>.jsonl"

    def __init__(self, files: FileTree, threshold: int | None = None) -> None:
        super().__init__(files, threshold)
        self._read: tuple[str, Mapping[str, bytes]] | None = None

    @classmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """See :class:`TreePredictions`."""
        return any(map(_is_video, names))

    def find_samples(self) -> Iterable[str]:
        """Yield ``<video>/<expression>`` of every line."""
        for name in filter(_is_video, self.files.names()):
            video_id = name.removesuffix(".jsonl")
            yield from (f"{video_id}/{expression_id}" for expression_id in self.lines(video_id))

    def lines(self, video_id: str) -> Mapping[str, bytes]:
        """Return the lines of one video by expression, not parsed; a missing file has none.

        Raises:
            DataError: The file cannot be read, or a line does not start with its expression.
        """
        if self._read is None or self._read[0] != video_id:
            name = f"{validate_name(video_id, 'video id')}.jsonl"
            try:
                self._read = video_id, split_lines(self.files.read(name), self.files.location(name))
            except FileNotFoundError:
                self._read = video_id, {}
        return self._read[1]

    def stored(self, video_id: str, expression_id: str) -> tuple[StoredPrediction, str]:
        """Return one prediction as it is stored, and its location for messages.

        Raises:
            DataError: It is missing or broken.
        """
        lines = self.lines(video_id)
        location = f"{self.files.location(f'{video_id}.jsonl')}, expression {expression_id}"
        if expression_id not in lines:
            raise DataError("prediction is missing", location=location)
        return parse_line(lines[expression_id], location), location

    def holds_points(self) -> bool:
        """Whether the first prediction is one of points; all predictions of a run are of one kind."""
        first = min(self.samples(), default=None)
        if first is None:
            return False
        try:
            return isinstance(self.stored(*first.rsplit("/", 1))[0], PointPrediction)
        except DataError:
            return False

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one sample's line.

        Raises:
            DataError: It is missing, broken, or does not fit the clip.
        """
        stored, location = self.stored(clip.video_id, expression_id)
        if not isinstance(stored, StoredMasks):
            return stored
        check_length(stored.masks, clip, location)
        rows = rows_from_rle(stored.masks, clip.height, clip.width, location=location)
        return LoadedMasks(rows, stored.objects, stored.target_score, stored.candidates)


def _is_video(name: str) -> bool:
    return "/" not in name and name.endswith(".jsonl")
