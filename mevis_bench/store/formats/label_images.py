"""Label images by annotator, as ReferFormer writes them for Ref-DAVIS17: ``anno_<a>/<video>/<00000>.png``.

Pixel value ``k + 1`` of ``anno_<a>`` is the answer to expression ``4 k + a``. Frames are numbered from 0, whatever the
names of the video's frames are.
"""

import io
import re
from collections.abc import Iterable, Sequence

import numpy as np

from mevis_bench.files.tree import FileTree
from mevis_bench.masks import MaskRows
from mevis_bench.masks.label_images import read_label_image
from mevis_bench.records import DataError
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, sample_path

NUM_ANNOTATORS = 4

MAX_LABELS = 20
"""Most answers per video and annotator; DAVIS's tool exits beyond."""

_FILE = re.compile(r"anno_([0-3])/([^/]+)/\d{5}\.png")


class LabelImagePredictions(TreePredictions):
    """Answers of four annotators' sentences, one label image per annotator and frame."""

    format = "label images by annotator"
    layout = "anno_<annotator>/<video>/<00000>.png"

    def __init__(self, files: FileTree, threshold: int | None = None) -> None:
        super().__init__(files, threshold)
        self._read: tuple[tuple[str, int], tuple[MaskRows, ...]] | None = None

    @classmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """See :class:`TreePredictions`."""
        return any(map(_FILE.fullmatch, names))

    def find_samples(self) -> Iterable[str]:
        """Yield the sample of every annotator's first object; how many objects there are is in the pixels."""
        found = (_FILE.fullmatch(name) for name in self.files.names())
        return sorted({f"{match[2]}/{match[1]}" for match in found if match is not None})

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedMasks:
        """Read the answer to one expression; ``labels`` of it are all answers of the annotator.

        Raises:
            DataError: The id is not a number, or a frame is missing, broken, of another size, or has too many labels.
        """
        sample_path(expression_id, clip)
        if not expression_id.isdecimal():
            raise DataError(f"expression id {expression_id!r}: expected a number", location=self.format)
        index, annotator = divmod(int(expression_id), NUM_ANNOTATORS)
        key = clip.video_id, annotator
        if self._read is None or self._read[0] != key:
            self._read = key, self._labels(annotator, clip)
        labels = self._read[1]
        absent = MaskRows.empty(len(clip.frame_names), clip.height, clip.width)
        return LoadedMasks(labels[index] if index < len(labels) else absent, labels=labels)

    def _labels(self, annotator: int, clip: FrameSpec) -> tuple[MaskRows, ...]:
        values = np.zeros((len(clip.frame_names), clip.height, clip.width), np.uint8)
        for number, frame in enumerate(values):
            name = f"anno_{annotator}/{clip.video_id}/{number:05d}.png"
            location = self.files.location(name)
            try:
                image = read_label_image(io.BytesIO(self.files.read(name)), location)
            except FileNotFoundError:
                raise DataError("frame is missing", location=location) from None
            if image.shape != frame.shape:
                size = f"{image.shape[1]}x{image.shape[0]}"
                raise DataError(f"label image is {size}, the video is {clip.width}x{clip.height}", location=location)
            if image.max() > MAX_LABELS:
                raise DataError(f"label {image.max()}: expected at most {MAX_LABELS}", location=location)
            frame[:] = image
        return tuple(MaskRows.from_dense(values == label) for label in range(1, int(values.max()) + 1))
