"""Row (i) of the paper's Table 4: motion aggregation and a matching threshold, without a language model.

Axes: b videos, k tracks, n sentences, a channels of the aligned space.
"""

import torch
from torch import Tensor, nn

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.trajectory_encoder import TrackFeatures, TrajectoryEncoder


class Matcher(nn.Module):
    """Selects every track whose similarity to the sentence is above a learned threshold."""

    def __init__(self, config: TrajectoryConfig, embedding_channels: int) -> None:
        super().__init__()
        self.trajectories = TrajectoryEncoder(config, embedding_channels)
        self.threshold = nn.Parameter(torch.tensor(2.0))

    def forward(self, tracks: TrackFeatures, video_index: Tensor, sentences: Tensor) -> Tensor:
        """Logits that a sentence refers to a track, ``(n, k)``; selected above 0, -inf for padding.

        Args:
            tracks: Of b videos.
            video_index: Video of each sentence, int64 ``(n,)``.
            sentences: Sentence features ``(n, a)``.
        """
        track_embeddings, _ = self.trajectories(tracks)
        return self.compare(track_embeddings, tracks.valid, video_index, sentences)

    def compare(self, track_embeddings: Tensor, valid: Tensor, video_index: Tensor, sentences: Tensor) -> Tensor:
        """Same as ``forward``, from track embeddings ``(b, k, a)`` and bool ``valid`` ``(b, k)``."""
        similarity = (track_embeddings[video_index] * sentences[:, None]).sum(-1) * sentences.shape[-1] ** -0.5
        return (similarity - self.threshold).masked_fill(~valid[video_index], float("-inf"))
