"""Loss of URVOS (Seo, Lee & Han, ECCV 2020): two-class cross-entropy per frame.

The authors published no code of URVOS; their public baseline trains with this loss. Axes: b frames, h rows, w columns.
"""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, slots=True)
class UrvosTargets:
    """Targets of a batch of frames.

    Attributes:
        masks: Classes, int64 ``(b, h, w)``: 1 on the union of an expression's objects, else 0; all 0 where a frame
            shows none of them or the expression has none.
    """

    masks: Tensor


def compute_losses(outputs: Tensor, targets: UrvosTargets) -> dict[str, Tensor]:
    """Cross-entropy ``loss_ce``, mean over all pixels; it is the only loss and has weight 1.

    Args:
        outputs: Logits of background and object, ``(b, 2, h, w)``.
        targets: Of the same size.
    """
    return {"loss_ce": F.cross_entropy(outputs, targets.masks)}
