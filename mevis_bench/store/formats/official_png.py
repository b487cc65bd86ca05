"""The official layout of mask predictions: ``<video>/<expression>/<frame>.png``, as a folder or as a zip of one."""

from collections.abc import Iterable, Sequence

import numpy as np

from mevis_bench.files.names import validate_name
from mevis_bench.masks import MaskRows
from mevis_bench.records import DataError
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.png import rows_from_png
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks, sample_path


class PngPredictions(TreePredictions):
    """Masks as PNG files, one per frame."""

    format = "official PNG tree"
    layout = "<video>/<expression>/<frame>.png"

    @classmethod
    def matches(cls, names: Sequence[str]) -> bool:
        """See :class:`TreePredictions`."""
        return any(name.count("/") == 2 and name.lower().endswith(".png") for name in names)

    def find_samples(self) -> Iterable[str]:
        """Yield ``<video>/<expression>`` of every folder with a PNG."""
        return (name.rsplit("/", 1)[0] for name in self.files.names() if name.lower().endswith(".png"))

    def read(self, expression_id: str, clip: FrameSpec) -> LoadedMasks:
        """Read every frame of one expression.

        Raises:
            DataError: A frame is missing or broken, or has another size than the video.
        """
        folder = sample_path(expression_id, clip)
        frames = [
            self._frame(f"{folder}/{validate_name(name, 'frame name', folder)}.png", clip) for name in clip.frame_names
        ]
        ends = np.cumsum([0, *(frame.x.size for frame in frames)])
        offsets = [frame.offsets[1:] + end for frame, end in zip(frames, ends[:-1], strict=True)]
        return LoadedMasks(
            MaskRows(
                len(frames),
                clip.height,
                clip.width,
                np.concatenate([np.zeros(1, np.int64), *offsets]),
                np.concatenate([frame.x for frame in frames]),
            )
        )

    def _frame(self, name: str, clip: FrameSpec) -> MaskRows:
        try:
            data = self.files.read(name)
        except FileNotFoundError:
            if clip.missing_are_empty and not name.endswith(f"/{clip.frame_names[0]}.png"):
                return MaskRows.empty(1, clip.height, clip.width)
            raise DataError("frame is missing", location=self.files.location(name), hint=self._found(name)) from None
        return rows_from_png(
            data, clip.height, clip.width, threshold=self.threshold, location=self.files.location(name)
        )

    def _found(self, missing: str) -> str:
        """Return which files there are where one is missing."""
        folder = missing.rsplit("/", 1)[0] + "/"
        names = [name.removeprefix(folder) for name in self.files.names() if name.startswith(folder)]
        if not names:
            return "The folder of this expression is missing or empty."
        return (
            f"The folder has {len(names)} files, the first is {names[0]}; names are those of the video's frames, "
            f"the first missing one is {missing.removeprefix(folder)}."
        )
