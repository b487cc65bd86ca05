"""Object tokens: what the extractor found, as the language model reads it.

Axes: b videos, t frames, n queries of a frame, D hidden channels.
"""

from torch import Tensor, nn


class FrameObjectTokens(nn.Module):
    """One token per query and frame, frame by frame, queries in index order (the paper's T * N1 tokens)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, hidden)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map object embeddings ``(b, t, n, c)`` to tokens ``(b, t * n, D)``."""
        return self.project(embeddings).flatten(1, 2)
