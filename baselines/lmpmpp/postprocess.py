"""From model outputs to predictions: masks at the video's size, and the score of "there is a target"."""

import torch
import torch.nn.functional as F
from torch import Tensor


def full_size_masks(logits: Tensor, height: int, width: int) -> Tensor:
    """Resize one object's mask logits ``(t, h, w)`` to the video's size, bilinear, > 0: bool ``(t, H, W)``.

    Frame by frame, so that only one frame of logits is in memory at full size.
    """
    out = torch.zeros(len(logits), height, width, dtype=torch.bool, device=logits.device)
    for frame, small in enumerate(logits):
        if bool((small > 0).any()):
            out[frame] = (
                F.interpolate(small[None, None], size=(height, width), mode="bilinear", align_corners=False)[0, 0] > 0
            )
    return out


def target_score(numeral_logits: Tensor) -> Tensor:
    """Probability of a target, 1 - p(N_o = 0): numeral logits ``(..., N_max + 1)`` to float64 ``(...)``, 0..1."""
    return 1 - numeral_logits.softmax(-1)[..., 0].double()
