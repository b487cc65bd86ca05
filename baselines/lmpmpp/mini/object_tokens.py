"""Object tokens of tracks (mini).

Axes: b videos, k tracks, w windows, a channels of the aligned space, D hidden channels of the language model.
"""

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig


class TrackObjectTokens(nn.Module):
    """One token per window and track, in order of time, then one token per track for its whole trajectory.

    The language model is causal, so every whole-trajectory token attends to every window of every track.
    """

    def __init__(self, config: TrajectoryConfig, hidden: int) -> None:
        super().__init__()
        # Attribute names are keys of weights/mini.safetensors.
        self.project_whole = nn.Linear(config.channels, hidden)
        self.project_window = nn.Linear(config.channels, hidden)
        self.track = nn.Embedding(config.tracks, hidden)
        self.window = nn.Embedding(config.windows, hidden)

    def forward(
        self, track_embeddings: Tensor, window_embeddings: Tensor, valid: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Project and arrange embeddings.

        Args:
            track_embeddings: Of whole trajectories, ``(b, k, a)``.
            window_embeddings: ``(b, k, w, a)``.
            valid: bool ``(b, k)``, ``False`` on padding.

        Returns:
            Tokens ``(b, (w + 1) * k, D)``; bool ``(b, (w + 1) * k)``, which of them are valid; and the whole-trajectory
            tokens alone, ``(b, k, D)``.
        """
        track_ids = self.track.weight
        track_tokens = self.project_whole(track_embeddings) + track_ids
        window_tokens = self.project_window(window_embeddings).transpose(1, 2) + track_ids + self.window.weight[:, None]
        tokens = torch.cat((window_tokens.flatten(1, 2), track_tokens), dim=1)
        return tokens, valid.repeat(1, window_embeddings.shape[2] + 1), track_tokens
