"""VLT's network: a frame and a sentence to queries of the sentence for this frame, and these to a mask.

Ding et al., "Vision-Language Transformer and Query Generation for Referring Segmentation", ICCV 2021, TPAMI 2023. Axes:
t frames, l words, c width, q queries, s side of a frame's map at stride 16.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.position_encoding import index_encoding
from baselines.vlt.backbone import NORM_EPS, ConvNorm, Darknet, PreparedPyramid, Pyramid, leaky
from baselines.vlt.config import SIZES, VltConfig
from baselines.vlt.sentence import OriginalGru
from baselines.vlt.transformer import DecoderLayer, EncoderLayer, ReluAttention, TemporalContext, coordinates

MAX_WORDS = 15
"""Words of a sentence, padding included: every sentence has so many positions, and none is masked."""


class Words(NamedTuple):
    """An encoded sentence: words ``(1, l, 2 * s)`` and their weighted sum ``(1, 2 * s)``, s the backbone's channels."""

    words: Tensor
    sentence: Tensor


class Fusion(nn.Module):
    """Product of the coarsest map and the sentence."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduce = ConvNorm(channels, channels // 2, 1)
        self.expand = ConvNorm(channels // 2, channels, 3)
        self.sentence = nn.Linear(channels, channels)
        self.sentence_bn = nn.BatchNorm1d(channels, eps=NORM_EPS)
        self.out_bn = nn.BatchNorm2d(channels, eps=NORM_EPS)

    def forward(self, stride32: Tensor, sentence: Tensor) -> Tensor:
        """``(t, 1024, h, w)`` and ``(1, 1024)``, or ``(t, 1024)``, -> ``(t, 1024, h, w)``."""
        video = stride32 + self.expand(self.reduce(stride32))
        gates = leaky(self.sentence_bn(self.sentence(sentence)))
        return leaky(self.out_bn(video * gates[:, :, None, None]))


class Neck(nn.Module):
    """Two maps at stride 16 from all levels: one to make queries from, one for the transformer's memory."""

    def __init__(self, fine: int, width: int) -> None:
        super().__init__()
        middle, coarse = 2 * fine, 4 * fine
        self.mid_side = ConvNorm(middle, middle, 1)
        self.mid = ConvNorm(coarse + middle, middle, 1)
        self.query_side = ConvNorm(fine, fine, 1)
        self.query = ConvNorm(middle + fine, middle, 1)
        self.tf_reduce = ConvNorm(middle, fine, 1)
        self.tf_expand = ConvNorm(fine, middle, 3)
        self.tf_side = ConvNorm(2 * middle, middle, 1)
        self.tf = ConvNorm(coarse + middle, width, 1)
        self.tf_out = ConvNorm(width, width, 1)

    def forward(self, fused: Tensor, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
        """Return the queries' map ``(t, 512, s, s)`` and the memory's ``(t, c, s, s)``."""
        coarse = _doubled(fused)
        middle = self.mid(torch.cat((coarse, self.mid_side(pyramid.stride16)), 1))
        fine = self.query_side(F.avg_pool2d(pyramid.stride8, 2))
        query = self.query(torch.cat((middle, fine), 1))
        side = self.tf_side(torch.cat((self.tf_expand(self.tf_reduce(query)), middle), 1))
        return query, self.tf_out(self.tf(torch.cat((coarse, side), 1)))


class Responses(NamedTuple):
    """Outputs of the transformer for some frames.

    Attributes:
        queries: ``(t, q, c)``.
        memory: ``(t, s * s, c)``.
        responses: ``(t, q, c)``.
        confidence: ``(t, q, 1)``, 0..1.
    """

    queries: Tensor
    memory: Tensor
    responses: Tensor
    confidence: Tensor

    @property
    def balanced(self) -> Tensor:
        """Responses weighted with their confidence: ``(t, q, c)``, all that a mask is made of."""
        return self.confidence * self.responses


class Vlt(nn.Module):
    """The network.

    Args:
        config: Sizes.
        temporal_context: Whether the queries of all frames exchange information (+TC).
        prepared: Channels of the maps that stand in for frames; ``None``: frames.
    """

    def __init__(
        self, config: VltConfig = SIZES["base"], *, temporal_context: bool = False, prepared: int | None = None
    ) -> None:
        super().__init__()
        self.config = config
        width, heads, coarse, fine = config.width, config.heads, config.stem * 32, config.stem * 8
        self.backbone = Darknet(config) if prepared is None else PreparedPyramid(prepared, config)
        self.gru_forward, self.gru_backward = OriginalGru(coarse), OriginalGru(coarse)
        self.word_weight = nn.Linear(coarse, coarse)
        self.fusion = Fusion(coarse)
        self.neck = Neck(fine, width)
        mixed = 2 * fine + 6
        self.query_net = nn.Sequential(*(ConvNorm(mixed, mixed, 3) for _ in range(3)))
        self.query_out = nn.Conv2d(mixed, config.queries, 1)
        self.query_proj = nn.Linear(config.cells, width)
        self.word_proj = nn.Linear(coarse, width)
        self.fuse_q, self.fuse_k, self.fuse_v = (nn.Linear(width, width) for _ in range(3))
        self.fuse_attn = ReluAttention(width, heads)
        self.encoder = nn.ModuleList(EncoderLayer(width, heads) for _ in range(config.depth))
        self.decoder = nn.ModuleList(DecoderLayer(width, heads) for _ in range(config.depth))
        self.balance_query, self.balance_response = nn.Linear(width, width), nn.Linear(width, width)
        self.balance_joint, self.balance_score = nn.Linear(2 * width, width), nn.Linear(width, 1)
        if temporal_context:
            self.temporal = TemporalContext(width, heads, config.temporal_feedforward)
        self.to_map = nn.Linear(width, config.cells)
        self.mask_head = nn.Sequential(
            *(ConvNorm(config.queries if place == 0 else width, width, 3) for place in range(6))
        )
        self.mask_out = nn.Conv2d(width, 1, 3, padding=1)
        self.temporal_context = temporal_context

    def read(self, vectors: Tensor) -> Words:
        """Encode sentences, word vectors ``(b, 15, 300)`` with zeros after the last word."""
        words = self.gru_forward(vectors) + self.gru_backward(vectors.flip(1)).flip(1)
        weights = self.word_weight(words).tanh().softmax(1)
        return Words(words, (weights * words).sum(1))

    def respond(self, pyramid: Pyramid, words: Words) -> Responses:
        """Match a sentence with some frames.

        Args:
            pyramid: Of `backbone`, t frames.
            words: Of one sentence for all frames, or of t sentences.
        """
        query_map, memory_map = self.neck(self.fusion(pyramid.stride32, words.sentence), pyramid)
        height, width = query_map.shape[-2:]
        places = coordinates(height, width, query_map.device).expand(len(query_map), -1, -1, -1)
        maps = self.query_out(self.query_net(torch.cat((query_map, places), 1)))
        seen = F.relu(self.query_proj(maps.flatten(2)))
        queries = seen + self._attend(seen, F.relu(self.word_proj(words.words)))
        memory = _placed(memory_map.flatten(2).transpose(1, 2))
        for layer in self.encoder:
            memory = layer(memory)
        responses = _placed(queries)
        for layer in self.decoder:
            responses = layer(responses, memory)
        both = torch.cat((F.relu(self.balance_response(responses)), F.relu(self.balance_query(queries))), -1)
        confidence = self.balance_score(F.relu(self.balance_joint(both))).sigmoid()
        return Responses(queries, memory, responses, confidence)

    def _attend(self, seen: Tensor, words: Tensor) -> Tensor:
        """Attend from what the maps show ``(t, q, c)`` to the words ``(t or 1, l, c)``."""
        words = _placed(words).expand(len(seen), -1, -1)
        q, k, v = F.relu(self.fuse_q(_placed(seen))), F.relu(self.fuse_k(words)), F.relu(self.fuse_v(words))
        out: Tensor = self.fuse_attn(q, k, v)
        return out

    def connect(self, balanced: Tensor) -> Tensor:
        """Exchange information among the frames of a whole video: ``(t, q, c)``, kept as it is without +TC."""
        if not self.temporal_context:
            return balanced
        out: Tensor = self.temporal(balanced, index_encoding(len(balanced), self.config.width, balanced.device))
        return out

    def draw(self, balanced: Tensor) -> Tensor:
        """Make mask logits ``(t, 8 * s, 8 * s)``, stride 2, of ``(t, q, c)``."""
        side = self.config.side // 16
        x = F.relu(self.to_map(balanced)).unflatten(2, (side, side))
        for place, layer in enumerate(self.mask_head):
            x = layer(_doubled(x) if place >= 3 else x)
        out: Tensor = self.mask_out(x)[:, 0]
        return out


def _placed(tokens: Tensor) -> Tensor:
    return tokens + index_encoding(tokens.shape[-2], tokens.shape[-1], tokens.device)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
