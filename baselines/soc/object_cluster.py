"""SOC's visual-linguistic object cluster (VOC): VITA's clip module over whole clips, started from the sentence.

Luo et al., "SOC: Semantic-Assisted Object Cluster for Referring Video Object Segmentation", NeurIPS 2023, section 3.3.
Axes: g clips, t frames, q queries, c channels.
"""

from torch import Tensor

from baselines.layers.nn.clip_query_module import ClipDecoderConfig, ClipQueryDecoder
from baselines.layers.nn.language_queries import LanguageQueriesConfig


def cluster_config(config: LanguageQueriesConfig) -> ClipDecoderConfig:
    """Sizes of the cluster: as many queries and layers as the detector, all frames in one window."""
    return ClipDecoderConfig(
        channels=config.channels, queries=config.queries, depth=config.depth, heads=config.heads,
        feedforward=config.feedforward, dropout=config.dropout, frame_queries=config.queries, window=None,
        encoder_depth=config.depth,
    )  # fmt: skip


class ObjectCluster(ClipQueryDecoder[Tensor]):
    """Attention among the queries of all frames, then object queries, one per frame query, that attend to them."""

    def start_queries(self, sentence: Tensor) -> Tensor:
        """Start every object query from the sentence vector ``(c,)``."""
        return sentence.expand(1, self.query_embed.num_embeddings, -1)

    def forward(self, states: Tensor, sentence: Tensor) -> Tensor:
        """Gather query states ``(g, t, q, c)`` of g clips into their objects, ``(g, q, c)``."""
        *_, objects = self.layer_queries(self.encode(states, sentence, shifting=False), sentence)
        return objects
