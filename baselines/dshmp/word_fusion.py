"""Fusion of a map and the words in both directions at once (Grounding DINO's and GLIP's bi-directional attention).

DsHmp (He & Ding, CVPR 2024). Axes: b batch, p positions of a map, n words, c channels, m heads, d channels of a head.
"""

import torch
from torch import Tensor, nn

LARGEST = 50000.0
"""Logits are clamped to this size."""


class BiAttention(nn.Module):
    """Attention from positions to words and from words to positions on one matrix of logits."""

    def __init__(self, channels: int, heads: int = 4, head_channels: int = 256) -> None:
        super().__init__()
        inner = heads * head_channels
        self.heads, self.scale = heads, head_channels**-0.5
        self.v_proj = nn.Linear(channels, inner)
        self.l_proj = nn.Linear(channels, inner)
        self.values_v_proj = nn.Linear(channels, inner)
        self.values_l_proj = nn.Linear(channels, inner)
        self.out_v_proj = nn.Linear(inner, channels)
        self.out_l_proj = nn.Linear(inner, channels)

    def forward(self, visual: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Return what positions ``(b, p, c)`` and words ``(b, n, c)`` gather from each other.

        Args:
            visual: ``(b, p, c)``.
            words: ``(b, n, c)``, or ``(1, n, c)`` for all alike.
            padding: bool ``(1, n)``, ``True`` where a word is padding: positions don't look at it, but it looks.
        """
        query, key, seen, said = (
            projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for projection, x in (
                (self.v_proj, visual),
                (self.l_proj, words),
                (self.values_v_proj, visual),
                (self.values_l_proj, words),
            )
        )
        logits = (query * self.scale) @ key.transpose(-2, -1)
        logits = (logits - logits.max()).clamp(-LARGEST, LARGEST)
        to_words = logits.transpose(-2, -1)
        to_words = (to_words - to_words.amax(-1, keepdim=True)).clamp(-LARGEST, LARGEST)
        to_visual = logits.masked_fill(padding[:, None, None], float("-inf"))
        for_words = (to_words.softmax(-1) @ seen).transpose(1, 2).flatten(2)
        for_visual = (to_visual.softmax(-1) @ said).transpose(1, 2).flatten(2)
        return self.out_v_proj(for_visual), self.out_l_proj(for_words)


class WordFusion(nn.Module):
    """Normalize map and words, let them gather from each other, and add that by a learned measure per channel.

    What is added to is the normalized tensor, not the input.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layer_norm_v = nn.LayerNorm(channels)
        self.layer_norm_l = nn.LayerNorm(channels)
        self.attn = BiAttention(channels)
        self.gamma_v = nn.Parameter(torch.full((channels,), 1e-4))
        self.gamma_l = nn.Parameter(torch.full((channels,), 1e-4))

    def forward(self, visual: Tensor, words: Tensor, padding: Tensor) -> tuple[Tensor, Tensor]:
        """Map ``(b, p, c)`` and ``(b or 1, n, c)`` to the same, words now ``(b, n, c)``; see ``BiAttention``."""
        visual, words = self.layer_norm_v(visual), self.layer_norm_l(words)
        for_visual, for_words = self.attn(visual, words, padding)
        return visual + self.gamma_v * for_visual, words + self.gamma_l * for_words
