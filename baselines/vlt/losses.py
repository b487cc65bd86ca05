"""VLT's loss: one mask per frame, without matching. Axes: b frames with their sentences, h rows, w columns."""

import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.distributed import mean_over_processes


def compute_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, summed over the pixels of a mask, mean over the batch, that of all processes.

    The rates are tied to the sum.

    Args:
        logits: ``(b, h, w)``.
        targets: 0 or 1, of the same shape.
    """
    mean = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").sum((1, 2)).mean()
    return mean_over_processes(mean, len(logits))
