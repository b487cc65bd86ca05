"""Tracks as MOTChallenge text, one file a sample: ``<video>/<expression>.txt``, a line ``frame,id,x,y,w,h,...``."""

from collections.abc import Set
from functools import cached_property

from mevis_bench.files.tree import FileTree
from mevis_bench.records import DataError
from mevis_bench.store.formats.refer_kitti import parse_tracks
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction, sample_path


class MotPredictions:
    """Tracks of many samples, one text file each; an empty file says "no target". Frames and ids count from 1."""

    format = "MOT text"

    def __init__(self, files: FileTree) -> None:
        self.files = files

    def samples(self) -> Set[str]:
        """Return ``<video>/<expression>`` of every text file."""
        return self._samples

    @cached_property
    def _samples(self) -> Set[str]:
        return {name.removesuffix(".txt") for name in self.files.names() if name.endswith(".txt")}

    def only(self, video_id: str) -> "MotPredictions":
        """Return a reader of the same files."""
        return MotPredictions(self.files)

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one sample's tracks.

        Raises:
            DataError: The file is missing, or not of this format.
        """
        name = f"{sample_path(expression_id, clip)}.txt"
        location = self.files.location(name)
        try:
            text = self.files.read(name).decode("ascii")
        except FileNotFoundError:
            raise DataError("prediction is missing", location=location) from None
        except UnicodeDecodeError as error:
            raise DataError("not a text file of tracks", location=location) from error
        return parse_tracks(text, len(clip.frame_names), location)
