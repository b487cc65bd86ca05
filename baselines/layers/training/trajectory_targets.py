"""Targets of methods that follow one object per query through a clip (LMPM, DsHmp).

Axes: n objects, t frames, h rows, w columns.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

ObjectTargets = Literal["per_object", "union"]
"""Targets of an expression of several objects: one per object, or their union."""

ABSENT = -1
"""Id of an object in frames that do not show it."""


@dataclass(frozen=True, slots=True)
class TrajectoryTargets:
    """Objects of one expression in one clip. Without objects (no-target): n = 0, every query learns "no object".

    Attributes:
        masks: 0/1, ``(n, t, h, w)``, at the size of the padded network input; all zero in frames without the object.
        ids: int64 ``(n, t)``, the object's number where the frame shows it, else ``ABSENT``; the smallest is 0.
    """

    masks: Tensor
    ids: Tensor

    @classmethod
    def from_objects(cls, masks: Tensor, ids: Tensor, objects: ObjectTargets = "per_object") -> "TrajectoryTargets":
        """Drop objects that no frame of the clip shows and number the others.

        Args:
            masks: 0/1, ``(n, t, h, w)``; an expression without target has n = 0.
            ids: Object ids, int ``(n,)``.
            objects: ``per_object`` as the authors; ``union`` makes one object of all.
        """
        if objects == "union" and len(masks):
            masks, ids = masks.amax(0, keepdim=True), ids[:1]
        shown = masks.flatten(2).any(-1)
        seen = shown.any(1)
        masks, ids, shown = masks[seen], ids[seen].long(), shown[seen]
        numbers = ids - ids.min() if len(ids) else ids
        return cls(masks, torch.where(shown, numbers[:, None], ABSENT))

    def to(self, device: torch.device | str) -> "TrajectoryTargets":
        """Move to a device."""
        return TrajectoryTargets(self.masks.to(device), self.ids.to(device))

    def in_frame(self, frame: int) -> Tensor:
        """Rows of the objects that a frame shows, int64 ``(m,)``, ascending; may be empty."""
        return (self.ids[:, frame] != ABSENT).nonzero()[:, 0]
