"""From mask logits to masks of the video's size."""

import torch
import torch.nn.functional as F
from torch import Tensor


def full_size_masks(logits: Tensor, height: int, width: int) -> Tensor:
    """Bring one object's mask logits ``(t, h, w)`` to the video's size, bilinear, > 0: bool ``(t, H, W)``.

    One frame at a time, so that memory holds one frame of logits.
    """
    out = torch.zeros(len(logits), height, width, dtype=torch.bool, device=logits.device)
    for frame, small in enumerate(logits):
        if bool((small > 0).any()):
            out[frame] = (
                F.interpolate(small[None, None], size=(height, width), mode="bilinear", align_corners=False)[0, 0] > 0
            )
    return out
