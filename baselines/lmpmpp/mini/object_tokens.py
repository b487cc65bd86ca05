"""Object tokens of followed objects.

Axes: b videos, k tracks, w windows, D hidden channels.
"""

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig


class TrackObjectTokens(nn.Module):
    """Addition: per track one token for each window, then one for the whole trajectory.

    Windows come first, in the order of time; so a whole-trajectory token has seen every part of every track.
    """

    def __init__(self, size: TrajectoryConfig, hidden: int) -> None:
        super().__init__()
        self.project_whole = nn.Linear(size.channels, hidden)
        self.project_window = nn.Linear(size.channels, hidden)
        self.track = nn.Embedding(size.tracks, hidden)
        self.window = nn.Embedding(size.windows, hidden)

    def forward(self, whole: Tensor, windows: Tensor, valid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Arrange trajectory tokens.

        Args:
            whole: ``(b, k, a)``.
            windows: ``(b, k, w, a)``.
            valid: bool ``(b, k)``.

        Returns:
            Tokens ``(b, (w + 1) * k, D)``; which of them count, bool of the same rows; and the whole-trajectory
            tokens again, ``(b, k, D)``.
        """
        track = self.track.weight
        last = self.project_whole(whole) + track
        parts = self.project_window(windows).transpose(1, 2) + track + self.window.weight[:, None]
        tokens = torch.cat((parts.flatten(1, 2), last), dim=1)
        return tokens, valid.repeat(1, windows.shape[2] + 1), last
