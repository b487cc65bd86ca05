"""Object tokens: what the extractor found, as the language model reads it.

Axes: b videos, t frames, n queries of a frame, k tracks, w windows, D hidden channels.
"""

import torch
from torch import Tensor, nn

from baselines.lmpmpp.sizes import TrajectorySize


class FrameObjectTokens(nn.Module):
    """One token per query and frame, frame by frame, queries in index order (the paper's T * N1 tokens)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, hidden)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map object embeddings ``(b, t, n, c)`` to tokens ``(b, t * n, D)``."""
        return self.project(embeddings).flatten(1, 2)


class TrackObjectTokens(nn.Module):
    """Addition: per track one token for each window, then one for the whole trajectory.

    Windows come first, in the order of time; so a whole-trajectory token has seen every part of every track.
    """

    def __init__(self, size: TrajectorySize, hidden: int) -> None:
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
