"""Windows over time for attention among the frame queries of a whole video (VITA, LMPM, DsHmp).

Heo et al., "VITA" (NeurIPS 2022), section 3.3: frame queries attend inside windows of w frames; every other layer
shifts the windows by half. Axes: t frames, q queries of a frame, c channels, n windows of w frames, ``t = n * w``.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


class ClipWindows:
    """How one video's frames fall into windows, plain and shifted, and what may look at what in them.

    Attributes:
        bias: What is added to attention logits in plain windows, ``(n, 1, 1, w * q)``, -inf on padded frames, and in
            shifted ones, ``(n, 1, w * q, w * q)``, -1000 between frames that are strangers.
    """

    def __init__(self, frames: int, window: int, queries: int, like: Tensor) -> None:
        self.frames, self.window, self.queries = frames, window, queries
        self.padding = -frames % window
        padded = torch.arange(frames + self.padding, device=like.device) >= frames
        plain = torch.zeros_like(padded, dtype=like.dtype).masked_fill(padded, float("-inf")).view(-1, 1, 1, window)
        self.bias = (plain.repeat_interleave(queries, dim=-1), self._shifted_bias(padded).to(like.dtype))

    def _shifted_bias(self, padded: Tensor) -> Tensor:
        """Bias after the roll: padded frames, and the video's end that was wrapped before its beginning, are apart."""
        padded = padded.roll(self.window // 2).view(-1, self.window)
        late = torch.arange(self.window, device=padded.device) >= self.window // 2
        # A padded frame's own row is blocked as a whole, which shifts all its logits alike and changes nothing.
        blocked = padded[:, :, None].expand(-1, -1, self.window).clone()
        for edge in (0, -1):
            blocked[edge] |= padded[edge]
        blocked[0] |= late[:, None] != late[None, :]
        blocked = blocked.repeat_interleave(self.queries, dim=1).repeat_interleave(self.queries, dim=2)
        return blocked[:, None] * -1000.0

    def split(self, x: Tensor, *, shifted: bool) -> Tensor:
        """Cut ``(t, q, c)`` (padded frames included) into ``(n, w * q, c)``; shifted: frames move half a window on."""
        x = x.roll(self.window // 2, dims=0) if shifted else x
        return x.reshape(-1, self.window * self.queries, x.shape[-1])

    def join(self, windows: Tensor, *, shifted: bool) -> Tensor:
        """Undo ``split``."""
        x = windows.view(-1, self.queries, windows.shape[-1])
        return x.roll(-(self.window // 2), dims=0) if shifted else x

    def pad(self, x: Tensor) -> Tensor:
        """Append zero frames to ``(frames, q, c)`` until windows are full."""
        return F.pad(x, (0, 0, 0, 0, 0, self.padding))
