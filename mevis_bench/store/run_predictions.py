"""Predictions of a run, ``<video>/<expression>.json``, as they are scored."""

from collections.abc import Set
from functools import cached_property

from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import DataError
from mevis_bench.store.file_tree import FileTree
from mevis_bench.store.prediction_files import StoredMasks, parse_prediction
from mevis_bench.store.prediction_source import Answer, Clip, ClipMasks, check_length, check_name


class RunPredictions:
    """Predictions of a run: masks, tracks or captions."""

    format = "run folder"

    def __init__(self, files: FileTree) -> None:
        self.files = files

    def samples(self) -> Set[str]:
        """Return ``<video>/<expression>`` of every file."""
        return self._samples

    @cached_property
    def _samples(self) -> Set[str]:
        return {name.removesuffix(".json") for name in self.files.names() if name.endswith(".json")}

    def only(self, video_id: str) -> "RunPredictions":
        """Return a reader of the same files."""
        return RunPredictions(self.files)

    def read(self, expression_id: str, clip: Clip) -> Answer:
        """Read one sample's file.

        Raises:
            DataError: It is missing, broken, or does not fit the clip.
        """
        name = f"{check_name(clip.video_id, 'video')}/{check_name(expression_id, clip.video_id)}.json"
        where = self.files.where(name)
        try:
            stored = parse_prediction(self.files.read(name), where)
        except FileNotFoundError:
            raise DataError("prediction is missing", where=where) from None
        if not isinstance(stored, StoredMasks):
            return stored
        check_length(stored.masks, clip, where)
        rows = rows_from_rle(stored.masks, clip.height, clip.width, where=where)
        return ClipMasks(rows, stored.objects, stored.target_score)
