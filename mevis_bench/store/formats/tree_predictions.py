"""Base of the prediction formats that are files in a folder or a zip."""

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence, Set
from functools import cached_property
from typing import ClassVar, Self

from mevis_bench.files.tree import FileTree
from mevis_bench.records import DataError
from mevis_bench.store.prediction_source import FrameSpec, LoadedPrediction


class TreePredictions(ABC):
    """Predictions of many samples in files, a :class:`mevis_bench.store.prediction_source.PredictionSource`.

    A format is one subclass in this folder and one entry of ``open_predictions.FORMATS``.
    """

    format: ClassVar[str]
    """Name of the format, for people."""
    layout: ClassVar[str]
    """Paths of its files, for messages."""

    def __init__(self, files: FileTree, threshold: int | None = None) -> None:
        """Wrap an opened folder or zip.

        Args:
            files: The files.
            threshold: PNG values from this one on are foreground; ``None``: all but 0. Other formats ignore it.
        """
        self.files = files
        self.threshold = threshold

    @classmethod
    @abstractmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """Whether files with these relative names are of this format."""

    @abstractmethod
    def find_samples(self) -> Iterable[str]:
        """Yield ``<video>/<expression>`` of every sample in the files, readable or not."""

    @abstractmethod
    def read(self, expression_id: str, clip: FrameSpec) -> LoadedPrediction:
        """Read one sample.

        Raises:
            DataError: It is missing, invalid, or does not fit the clip; names file and key.
        """

    def samples(self) -> Set[str]:
        """Return the ids of all samples; the files are listed once."""
        return self._samples

    @cached_property
    def _samples(self) -> Set[str]:
        return frozenset(self.find_samples())

    def only(self, video_id: str) -> Self:
        """Return a reader that serves one video, for another process; by default of the same files."""
        return type(self)(self.files, self.threshold)

    def read_ascii(self, name: str) -> str:
        """Read a text file of tracks, with or without a byte order mark.

        Raises:
            DataError: It is missing, or not ASCII.
        """
        try:
            return self.files.read(name).removeprefix(codecs.BOM_UTF8).decode("ascii")
        except FileNotFoundError:
            raise DataError("prediction is missing", location=self.files.location(name)) from None
        except UnicodeDecodeError as error:
            raise DataError("not a text file of tracks", location=self.files.location(name)) from error
