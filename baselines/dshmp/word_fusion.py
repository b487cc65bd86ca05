"""Fusion of visual tokens and words in both directions (bi-directional attention of GLIP and Grounding DINO).

DsHmp (He & Ding, CVPR 2024). Axes: b batch, p positions of a map, n words, c channels, m heads, d channels of a head.
"""

import torch
from torch import Tensor, nn

from baselines.dshmp.config import WordFusionConfig
from baselines.layers.nn.swin import DropPath

MAX_LOGIT = 50000.0
"""Logits are clamped to -MAX_LOGIT .. MAX_LOGIT."""


class BiAttention(nn.Module):
    """Attention from positions to words and from words to positions on one matrix of logits."""

    def __init__(self, channels: int, config: WordFusionConfig) -> None:
        super().__init__()
        inner = config.heads * config.head_channels
        self.heads, self.scale = config.heads, config.head_channels**-0.5
        self.v_proj = nn.Linear(channels, inner)
        self.l_proj = nn.Linear(channels, inner)
        self.values_v_proj = nn.Linear(channels, inner)
        self.values_l_proj = nn.Linear(channels, inner)
        self.out_v_proj = nn.Linear(inner, channels)
        self.out_l_proj = nn.Linear(inner, channels)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, visual: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Attend in both directions.

        Args:
            visual: ``(b, p, c)``.
            words: ``(b, n, c)``, or ``(1, n, c)`` for all alike.
            padding: bool ``(1, n)``, ``True`` on padding words: positions do not attend to them, but they attend.

        Returns:
            Updates of the positions ``(b, p, c)`` and of the words ``(b, n, c)``.
        """
        query, key, visual_values, word_values = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, x in (
                (self.v_proj, visual),
                (self.l_proj, words),
                (self.values_v_proj, visual),
                (self.values_l_proj, words),
            )
        )
        logits = (query * self.scale) @ key.transpose(-2, -1)
        logits = (logits - logits.max()).clamp(-MAX_LOGIT, MAX_LOGIT)
        to_words = logits.transpose(-2, -1)
        to_words = (to_words - to_words.amax(-1, keepdim=True)).clamp(-MAX_LOGIT, MAX_LOGIT)
        to_visual = logits.masked_fill(padding[:, None, None], float("-inf"))
        for_words = (self.dropout(to_words.softmax(-1)) @ visual_values).transpose(1, 2).flatten(2)
        for_visual = (self.dropout(to_visual.softmax(-1)) @ word_values).transpose(1, 2).flatten(2)
        return self.out_v_proj(for_visual), self.out_l_proj(for_words)


class WordFusion(nn.Module):
    """Bi-directional attention of normalized tokens and words, added with a learned scale per channel.

    The residual is the normalized tensor, not the input.
    """

    def __init__(self, channels: int, config: WordFusionConfig | None = None) -> None:
        super().__init__()
        self.layer_norm_v = nn.LayerNorm(channels)
        self.layer_norm_l = nn.LayerNorm(channels)
        config = config or WordFusionConfig()
        self.attn = BiAttention(channels, config)
        self.drop_path = DropPath(config.drop_path)
        self.gamma_v = nn.Parameter(torch.full((channels,), 1e-4))
        self.gamma_l = nn.Parameter(torch.full((channels,), 1e-4))

    def forward(self, visual: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(b, p, c)`` and ``(b or 1, n, c)`` to the same, words now ``(b, n, c)``; see ``BiAttention``."""
        visual, words = self.layer_norm_v(visual), self.layer_norm_l(words)
        for_visual, for_words = self.attn(visual, words, padding)
        return (
            visual + self.drop_path(self.gamma_v * for_visual),
            words + self.drop_path(self.gamma_l * for_words),
        )
