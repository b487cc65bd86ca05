"""Object tokens: object embeddings of all frames as the language model reads them (paper section 4).

Axes: b videos, t frames, n queries of a frame, c channels of the extractor, D hidden channels of the language model.
"""

from torch import Tensor, nn


class FrameObjectTokens(nn.Module):
    """One token per frame and query, frame by frame, queries in index order: the paper's T * N1 tokens."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.project = nn.Linear(channels, hidden)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Map object embeddings ``(b, t, n, c)`` to tokens ``(b, t * n, D)``."""
        return self.project(embeddings).flatten(1, 2)
