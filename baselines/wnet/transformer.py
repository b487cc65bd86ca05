"""Encoder with attention from video tokens to the audio, and decoder with Fourier mixing of the frame queries.

Pan et al., Wnet, CVPR 2022, sections 3.2 and 3.4. Sequence first: ``(n, 1, c)``, c channels of ``WNetConfig``. Batches
are not supported: the Fourier transform and the wavelet threshold would mix their entries.
"""

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.wnet.config import WNetConfig
from baselines.wnet.wavelet import Analysis, Synthesis, denoise


def token_positions(tokens: Tensor) -> Tensor:
    """Sinusoids by token number: sines in the first half of the channels, cosines in the second.

    Args:
        tokens: ``(n, 1, c)``. Token 0, and any token whose first channel is exactly 0, gets zeros (the original's
            padding rule).

    Returns:
        float32 ``(n, 1, c)``; in half precision the later of several thousand positions would not be exact.
    """
    number, _, channels = tokens.shape
    half = channels // 2
    rows = torch.arange(number, device=tokens.device) * (tokens[:, 0, 0] != 0)
    steps = torch.arange(half, device=tokens.device, dtype=torch.float32)
    phase = rows[:, None] * torch.exp(steps * (-log(10000.0) / (half - 1)))
    table = torch.cat((phase.sin(), phase.cos()), 1)
    return (table * (rows[:, None] > 0))[:, None]


def _causal_mask(queries: int, keys: int, device: torch.device) -> Tensor:
    """Mask of keys ``j > i + |queries - keys|`` for query i: bool ``(queries, keys)``, ``True`` excludes."""
    reach = abs(queries - keys)
    return torch.ones(queries, keys, dtype=torch.bool, device=device).triu(reach + 1)


class EncoderLayer(nn.Module):
    """Attention from video to audio, wavelet denoising, feed-forward; all pre-normed."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        channels = config.channels
        self.self_attn = nn.MultiheadAttention(channels, config.heads)
        self.xfm = Analysis()
        self.ifm = Synthesis()
        self.fc1 = nn.Linear(channels, 4 * channels)
        self.fc2 = nn.Linear(4 * channels, channels)
        self.dropout = nn.Dropout(config.dropout)
        self.layer_norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))

    def forward(self, video: Tensor, keys: Tensor, values: Tensor, attn_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Update the video tokens from the audio.

        Args:
            video: ``(n, 1, c)``.
            keys: Audio steps, ``(m, 1, c)``.
            values: The same; only their dropout differs.
            attn_mask: bool ``(n, m)``.

        Returns:
            The tokens, and those after the attention alone, ``(n, 1, c)`` each.
        """
        first, second, third = self.layer_norms
        attended, _ = self.self_attn(first(video), first(keys), first(values), attn_mask=attn_mask, need_weights=False)
        fusion = video + self.dropout(attended)
        video = fusion + self.dropout(denoise(second(fusion), self.xfm, self.ifm))
        hidden = self.dropout(F.relu(self.fc1(third(video))))
        return video + self.dropout(self.fc2(hidden)), fusion


class UnusedPositions(nn.Module):
    """Buffer that published files contain; unused, may be NaN."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_float_tensor", torch.zeros(1))


class Encoder(nn.Module):
    """The encoder layers."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        self.register_buffer("version", torch.zeros(1))
        self.embed_positions = UnusedPositions()
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.depth))
        self.layer_norm = nn.LayerNorm(config.channels)
        self.dropout = nn.Dropout(config.embedding_dropout)

    def forward(self, video: Tensor, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Encode ``(n, 1, c)`` video tokens with ``(m, 1, c)`` audio steps.

        Returns:
            The memory ``(n, 1, c)``, and the tokens after the first layer's attention, ``(n, 1, c)``.
        """
        attn_mask = _causal_mask(len(video), len(audio), video.device)
        scale = video.shape[2] ** 0.5
        x = self.dropout(scale * video + token_positions(video))
        steps = scale * audio + token_positions(audio)
        keys, values = self.dropout(steps), self.dropout(steps)
        fusions = []
        for layer in self.layers:
            x, fusion = layer(x, keys, values, attn_mask)
            fusions.append(fusion)
        return self.layer_norm(x), fusions[0]


class DecoderLayer(nn.Module):
    """Fourier mixing of the queries, attention to the memory, feed-forward; each post-normed."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        channels = config.channels
        self.multihead_attn = nn.MultiheadAttention(channels, config.heads, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.linear1 = nn.Linear(channels, config.feedforward)
        self.linear2 = nn.Linear(config.feedforward, channels)
        self.norm1 = nn.LayerNorm(channels)
        self.norm2 = nn.LayerNorm(channels)
        self.norm3 = nn.LayerNorm(channels)

    def forward(self, x: Tensor, memory: Tensor, positions: Tensor, queries: Tensor) -> Tensor:
        """Update ``x`` ``(t, 1, c)`` from ``memory`` ``(n, 1, c)`` at ``positions``."""
        x = x + queries
        x = self.norm1(x + self.dropout(torch.fft.fftn(x).real))
        attended, _ = self.multihead_attn(x + queries, memory + positions, memory, need_weights=False)
        x = self.norm2(x + self.dropout(attended))
        hidden = self.dropout(F.relu(self.linear1(x)))
        out: Tensor = self.norm3(x + self.dropout(self.linear2(hidden)))
        return out


class Decoder(nn.Module):
    """The decoder layers on one query per frame."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.channels)

    def forward(self, memory: Tensor, positions: Tensor, queries: Tensor) -> Tensor:
        """``memory``, ``positions`` ``(n, 1, c)``, ``queries`` ``(t, 1, c)`` -> all layers, ``(layers, t, 1, c)``."""
        x = torch.zeros_like(queries)
        states = []
        for layer in self.layers:
            x = layer(x, memory, positions, queries)
            states.append(self.norm(x))
        return torch.stack(states)


class Transformer(nn.Module):
    """Encoder and decoder."""

    def __init__(self, config: WNetConfig) -> None:
        super().__init__()
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
