"""Predictions of a run, ``<video>.jsonl``, as they are scored."""

from collections.abc import Mapping, Set
from functools import cached_property

from mevis_bench.files.names import validate_name
from mevis_bench.files.tree import FileTree
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import DataError
from mevis_bench.store.prediction_lines import StoredMasks, StoredPrediction, parse_line, split_lines
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, LoadedPrediction, check_length


class RunPredictions:
    """Predictions of a run: masks, tracks or captions. Keeps the lines of the video that was read last."""

    format = "run folder"

    def __init__(self, files: FileTree) -> None:
        self.files = files
        self._read: tuple[str, Mapping[str, bytes]] | None = None

    def samples(self) -> Set[str]:
        """Return ``<video>/<expression>`` of every line."""
        return self._samples

    @cached_property
    def _samples(self) -> Set[str]:
        videos = [name.removesuffix(".jsonl") for name in self.files.names() if _is_video(name)]
        return {f"{video_id}/{one}" for video_id in videos for one in self.lines(video_id)}

    def only(self, video_id: str) -> "RunPredictions":
        """Return a reader of the same files."""
        return RunPredictions(self.files)

    def lines(self, video_id: str) -> Mapping[str, bytes]:
        """Return the lines of one video by expression, as they are; a missing file has none.

        Raises:
            DataError: The file can't be read, or a line does not start with its expression.
        """
        if self._read is None or self._read[0] != video_id:
            name = f"{validate_name(video_id, 'video id')}.jsonl"
            try:
                self._read = video_id, split_lines(self.files.read(name), self.files.location(name))
            except FileNotFoundError:
                self._read = video_id, {}
        return self._read[1]

    def stored(self, video_id: str, expression_id: str) -> tuple[StoredPrediction, str]:
        """Return one prediction as it lies on disk, and how to call it in a message.

        Raises:
            DataError: It is missing or broken.
        """
        lines = self.lines(video_id)
        location = f"{self.files.location(f'{video_id}.jsonl')}, expression {expression_id}"
        if expression_id not in lines:
            raise DataError("prediction is missing", location=location)
        return parse_line(lines[expression_id], location), location

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
        return LoadedMasks(rows, stored.objects, stored.target_score)


def _is_video(name: str) -> bool:
    return "/" not in name and name.endswith(".jsonl")
