"""LMPM's decoders: the sentence feature is the initial content of all queries ("language queries").

Ding et al., "MeViS" (ICCV 2023), section 4. Axes: g clips, q queries of a frame, k trajectory queries, c channels.
"""

import torch
from torch import Tensor

from baselines.layers.nn.clip_query_module import ClipDecoderConfig, ClipQueryModule
from baselines.layers.nn.frame_query_decoder import FrameQueryDecoder
from baselines.layers.nn.trajectory_network import Sentence


class FrameDecoder(FrameQueryDecoder[Sentence]):
    """Mask2Former's transformer decoder started from the sentence feature."""

    def start_queries(self, sentence: Sentence) -> Tensor:
        """Repeat the sentence feature for every query: ``(1, q, c)``."""
        return sentence.feature.expand(1, self.query_embed.num_embeddings, -1)


class ClipModule(ClipQueryModule[Sentence]):
    """Motion perception and matching: trajectory queries start from the sentence feature and are compared with it."""

    def __init__(self, config: ClipDecoderConfig) -> None:
        super().__init__(config, class_channels=2 * config.channels)

    def start_queries(self, sentence: Sentence) -> Tensor:
        """Repeat each of s sentence features for every query: ``(s, k, c)``."""
        return sentence.feature[:, None].expand(-1, self.query_embed.num_embeddings, -1)

    def class_logits(self, queries: Tensor, sentence: Sentence) -> Tensor:
        """Classify trajectory queries ``(g, k, c)`` next to the sentence feature: ``(g, k, 2)``; s is 1 or g."""
        feature = sentence.feature[:, None].expand_as(queries)
        return super().class_logits(torch.cat((queries, feature), dim=-1), sentence)
