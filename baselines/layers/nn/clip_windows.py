"""Windows over time for attention among the frame queries of a whole video (VITA, LMPM, DsHmp).

Heo et al., "VITA" (NeurIPS 2022), section 3.3: frame queries attend inside windows of w frames; every other layer
shifts the windows by half. Axes: t frames, q queries of a frame, c channels, n windows of w frames, ``t = n * w``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


class ClipWindows:
    """Partition of a video's frames into windows, plain and shifted by half, with attention masks.

    Attributes:
        attn_masks: Float masks, added to attention logits. Plain windows: ``(n, 1, 1, w * q)``, -inf on padded frames.
            Shifted windows: ``(n, 1, w * q, w * q)``, -1000 between frames that are adjacent only because of the roll.
    """

    def __init__(self, frames: int, window: int, queries: int, like: Tensor) -> None:
        self.frames, self.window, self.queries = frames, window, queries
        self.padding = -frames % window
        padded = torch.arange(frames + self.padding, device=like.device) >= frames
        plain = torch.zeros_like(padded, dtype=like.dtype).masked_fill(padded, float("-inf")).view(-1, 1, 1, window)
        self.attn_masks = (plain.repeat_interleave(queries, dim=-1), self._shifted_mask(padded).to(like.dtype))

    def _shifted_mask(self, padded: Tensor) -> Tensor:
        """Mask after the roll: excludes padded frames, and the video's end, which wraps around to its beginning."""
        padded = padded.roll(self.window // 2).view(-1, self.window)
        late = torch.arange(self.window, device=padded.device) >= self.window // 2
        # Excluding all keys of a padded frame shifts its logits by a constant, which changes nothing.
        blocked = padded[:, :, None].expand(-1, -1, self.window).clone()
        for edge in (0, -1):
            blocked[edge] |= padded[edge]
        blocked[0] |= late[:, None] != late[None, :]
        blocked = blocked.repeat_interleave(self.queries, dim=1).repeat_interleave(self.queries, dim=2)
        return blocked[:, None] * -1000.0

    def split(self, x: Tensor, *, shifted: bool) -> Tensor:
        """Cut clips ``(g, t, q, c)`` (padded frames included) into ``(g * n, w * q, c)``, or one, ``(t, q, c)``.

        Shifted: rolled by half a window.
        """
        x = x.roll(self.window // 2, dims=-3) if shifted else x
        return x.reshape(-1, self.window * self.queries, x.shape[-1])

    def join(self, windows: Tensor, *, shifted: bool) -> Tensor:
        """Inverse of ``split``: ``(g * n, w * q, c)`` to ``(g, t, q, c)``, padded frames included."""
        x = windows.view(-1, self.frames + self.padding, self.queries, windows.shape[-1])
        return x.roll(-(self.window // 2), dims=1) if shifted else x

    def pad(self, x: Tensor) -> Tensor:
        """Append zero frames to ``(frames, q, c)`` until windows are full."""
        return F.pad(x, (0, 0, 0, 0, 0, self.padding))
