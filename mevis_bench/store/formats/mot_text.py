"""Tracks as MOTChallenge text, one file per sample: ``<video>/<expression>.txt``, lines ``frame,id,x,y,w,h,...``."""

from collections.abc import Iterable, Sequence

from mevis_bench.store.formats.refer_kitti import parse_tracks
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction, sample_path


class MotPredictions(TreePredictions):
    """Tracks of many samples, one text file each; an empty file means "no target". Frames and ids count from 1."""

    format = "MOT text"
    layout = "<video>/<expression>.txt"

    @classmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """See :class:`TreePredictions`."""
        return any(name.count("/") == 1 and name.endswith(".txt") for name in names)

    def find_samples(self) -> Iterable[str]:
        """See :class:`TreePredictions`."""
        return (name.removesuffix(".txt") for name in self.files.names() if name.endswith(".txt"))

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """See :class:`TreePredictions`."""
        name = f"{sample_path(expression_id, clip)}.txt"
        return parse_tracks(self.read_ascii(name), len(clip.frame_names), self.files.location(name))
