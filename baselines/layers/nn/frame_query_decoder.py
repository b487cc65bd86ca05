"""Mask2Former's transformer decoder over single frames, conditioned on a sentence (LMPM, DsHmp).

Cheng et al., CVPR 2022, section 3.2, with the queries of Ding et al., "MeViS" (ICCV 2023), section 4. Axes: t frames,
q queries, c channels, h rows, w columns.
"""

from collections.abc import Iterator

from torch import Tensor, nn

from baselines.layers.nn.masked_attention import attention_mask
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.pixel_decoder import PixelFeatures
from baselines.layers.nn.query_decoder import DecoderMemory, QueryDecoder, QueryDecoderConfig, SentenceT


class FrameQueryDecoder(QueryDecoder[SentenceT]):
    """Masked attention of each frame's queries to the pixel decoder's levels, one level per layer in turn."""

    def __init__(self, config: QueryDecoderConfig, levels: int = 3) -> None:
        super().__init__(config)
        c = config.channels
        self.level_embed = nn.Embedding(levels, c)
        self.class_embed = nn.Linear(c, 2)
        self.mask_embed = Mlp(c, c, c, c)

    def forward(self, features: PixelFeatures, sentence: SentenceT) -> tuple[Tensor, Tensor]:
        """Detect the objects of each frame.

        Args:
            features: Pixel features of t frames.
            sentence: The encoded sentence.

        Returns:
            Frame queries ``(t, q, c)`` and class logits ``(t, q, 2)``, the last class being "no object".
        """
        *_, queries = self.layer_queries(features, sentence)
        return queries, self.class_embed(queries)

    def layer_queries(self, features: PixelFeatures, sentence: SentenceT) -> Iterator[Tensor]:
        """Yield the normalized queries ``(t, q, c)`` of the start state and of every layer."""
        levels = features.memory(self.level_embed.weight)
        x = self.start_queries(sentence).expand(len(features.fine), -1, -1)
        for index in range(len(self.transformer_cross_attention_layers)):
            level = levels[index % len(levels)]
            queries = self.decoder_norm(x)
            yield queries
            attn_mask = attention_mask(features.mask_logits(self.mask_embed(queries)), level.size)
            memory = self.before_layer(index, DecoderMemory(level.tokens), sentence)
            x = self.run_layer(index, x, memory, sentence, pos=level.pos, attn_mask=attn_mask)
        yield self.decoder_norm(x)
