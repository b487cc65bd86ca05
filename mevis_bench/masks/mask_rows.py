"""The masks of a clip as the columns at which their rows change."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class MaskRows:
    """Binary masks of a clip, each row as the sorted columns at which it changes.

    A row starts outside the mask. Entries come in pairs: the mask covers ``[x[0], x[1])``, ``[x[2], x[3])``, ... of
    its row, so a row that ends inside the mask has ``width`` as its last entry.

    Attributes:
        length: Frames.
        height: Rows, in pixels.
        width: Columns, in pixels.
        offsets: int64 ``(length * height + 1,)``; row ``y`` of frame ``t`` is
            ``x[offsets[t * height + y] : offsets[t * height + y + 1]]``.
        x: int32 ``(n,)``, columns in ``0..width``.
    """

    length: int
    height: int
    width: int
    offsets: NDArray[np.int64]
    x: NDArray[np.int32]

    @property
    def is_empty(self) -> bool:
        """Whether no pixel of any frame is covered."""
        return self.x.size == 0

    def areas(self) -> NDArray[np.int64]:
        """Return the number of covered pixels of every frame, ``(length,)``."""
        covered = self.x[1::2].astype(np.int64) - self.x[0::2]
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(covered)])
        return np.diff(before[self.offsets[:: self.height] // 2])

    def frame(self, index: int) -> "MaskRows":
        """Return one frame as a clip of length 1."""
        offsets = self.offsets[index * self.height : (index + 1) * self.height + 1]
        return MaskRows(1, self.height, self.width, offsets - offsets[0], self.x[offsets[0] : offsets[-1]])

    @staticmethod
    def empty(length: int, height: int, width: int) -> "MaskRows":
        """Return masks that cover nothing."""
        return MaskRows(length, height, width, np.zeros(length * height + 1, np.int64), np.zeros(0, np.int32))

    @staticmethod
    def from_dense(masks: NDArray[np.bool_]) -> "MaskRows":
        """Return the rows of bool ``(t, h, w)``."""
        length, height, width = masks.shape
        padded = np.zeros((length * height, width + 2), np.bool_)
        padded[:, 1:-1] = masks.reshape(length * height, width)
        rows, columns = np.nonzero(padded[:, 1:] != padded[:, :-1])
        offsets = np.zeros(length * height + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=length * height), out=offsets[1:])
        return MaskRows(length, height, width, offsets, columns.astype(np.int32))

    def to_dense(self) -> NDArray[np.bool_]:
        """Return bool ``(length, height, width)``."""
        changes = np.zeros((self.length * self.height, self.width + 1), np.bool_)
        rows = np.repeat(np.arange(self.length * self.height), np.diff(self.offsets))
        changes[rows, self.x] = True
        dense = np.logical_xor.accumulate(changes, axis=1)[:, :-1]
        return dense.reshape(self.length, self.height, self.width)
