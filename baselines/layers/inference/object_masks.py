"""Masks of several objects, collected frame by frame, eight pixels to a byte."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import MaskPrediction, Video


class ObjectMasks:
    """Masks by object identity and frame.

    Args:
        video: The video.
    """

    def __init__(self, video: Video) -> None:
        self.shape = (len(video), video.height, video.width)
        self._packed: dict[int, dict[int, NDArray[np.uint8]]] = {}

    def add(self, frame: int, masks: dict[int, NDArray[np.bool_]]) -> None:
        """Add the masks ``(h, w)`` of one frame by identity."""
        for identity, mask in masks.items():
            self._packed.setdefault(identity, {})[frame] = np.packbits(mask)

    def keep_frames(self, frames: Mapping[int, Collection[int]]) -> None:
        """Remove the masks of every identity from all frames but its own.

        Args:
            frames: Indices of frames by identity.
        """
        for identity, masks in self._packed.items():
            self._packed[identity] = {index: mask for index, mask in masks.items() if index in frames[identity]}

    def identities(self) -> list[int]:
        """Identities in ascending order."""
        return sorted(self._packed)

    def of(self, identity: int) -> NDArray[np.bool_]:
        """Masks of one object, bool ``(t, h, w)``; empty in frames that it was not added for."""
        height, width = self.shape[1:]
        masks = np.zeros(self.shape, bool)
        for frame, packed in self._packed[identity].items():
            masks[frame] = np.unpackbits(packed, count=height * width).reshape(height, width)
        return masks

    def prediction(
        self, target_score: float, target_threshold: float, identities: Sequence[int] | None = None
    ) -> MaskPrediction:
        """Return objects as the prediction of one expression.

        Args:
            target_score: Confidence that there is a target, 0..1.
            target_threshold: Below it the prediction is empty: "no target".
            identities: The objects, known ones only; ``None``: all.
        """
        shown = self.identities() if identities is None else identities
        objects = tuple(self.of(identity) for identity in shown)
        if target_score < target_threshold:
            objects = ()
        union = np.logical_or.reduce((np.zeros(self.shape, bool), *objects))
        return MaskPrediction(union, objects, target_score)
