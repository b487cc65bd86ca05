"""Row (i) of the paper's Table 4: motion aggregation and a matching threshold, without a language model.

Axes: b videos, k tracks, n sentences, a channels of the aligned space.
"""

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, TrajectoryEncoder


class Matcher(nn.Module):
    """Every track whose similarity to the sentence passes a threshold is meant."""

    def __init__(self, size: TrajectoryConfig, embedding_channels: int) -> None:
        super().__init__()
        self.trajectories = TrajectoryEncoder(size, embedding_channels)
        self.threshold = nn.Parameter(torch.tensor(2.0))

    def forward(self, tracks: TrackFeatures, rows: Tensor, features: Tensor) -> Tensor:
        """Logit that track k of video ``rows[i]`` is meant by sentence i: ``(n, k)``; above 0: it is.

        Args:
            tracks: Of b videos.
            rows: Index of each sentence's video, int64 ``(n,)``.
            features: Sentence features ``(n, a)``.
        """
        whole, _ = self.trajectories(tracks)
        return self.compare(whole, tracks.valid, rows, features)

    def compare(self, whole: Tensor, valid: Tensor, rows: Tensor, features: Tensor) -> Tensor:
        """The same from encoded trajectories ``(b, k, a)`` and which of them exist, bool ``(b, k)``."""
        similarity = (whole[rows] * features[:, None]).sum(-1) * features.shape[-1] ** -0.5
        return (similarity - self.threshold).masked_fill(~valid[rows], float("-inf"))
