"""ImageBind's audio encoder: log-mel clips to one vector a recording.

Girdhar et al., ImageBind, CVPR 2023, section 3; parameter names are those of the published file, whose license is
CC BY-NC-SA 4.0 (this is an own implementation and carries the project's license).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOKENS = 1 + 12 * 19  # class token and the patches of 128 mel bins x 204 steps
LARGEST_SCALE = 100.0


@dataclass(frozen=True, slots=True)
class ImageBindConfig:
    """Sizes of the audio tower; the defaults are those of ImageBind-huge.

    Attributes:
        width: Channels of the tokens.
        heads: Attention heads.
        depth: Transformer blocks.
        embedding: Channels of the embedding.
    """

    width: int = 768
    heads: int = 12
    depth: int = 12
    embedding: int = 1024


class PatchStem(nn.Module):
    """Overlapping patches of 16 x 16 every 10 bins and steps, normalized."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, 16, stride=10, bias=False)
        self.norm_layer = nn.LayerNorm(width)

    def forward(self, mel: Tensor) -> Tensor:
        """``(b, 1, 128, 204)`` -> ``(b, 228, 768)``, mel axis outer, time inner."""
        out: Tensor = self.norm_layer(self.proj(mel).flatten(2).transpose(1, 2))
        return out


class PositionTable(nn.Module):
    """Learned positions of the class token and all patches."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.pos_embed = nn.Parameter(torch.zeros(1, TOKENS, width))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)


class AudioTokens(nn.Module):
    """Patches, a class token in front, positions added."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.rgbt_stem = PatchStem(width)
        self.pos_embedding_helper = PositionTable(width)
        nn.init.trunc_normal_(self.cls_token, std=0.02)

    def forward(self, mel: Tensor) -> Tensor:
        """``(b, 1, 128, 204)`` -> ``(b, 229, 768)``."""
        patches = self.rgbt_stem(mel)
        tokens = torch.cat((self.cls_token.expand(len(patches), -1, -1), patches), 1)
        return tokens + self.pos_embedding_helper.pos_embed


class FeedForward(nn.Module):
    """Linear to four times the width, GELU, linear back."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., 768)`` -> ``(..., 768)``."""
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """Pre-norm transformer block; one learned key and value is appended to those of the tokens."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(config.width, config.heads, add_bias_kv=True, batch_first=True)
        self.norm_1 = nn.LayerNorm(config.width, eps=1e-6)
        self.mlp = FeedForward(config.width)
        self.norm_2 = nn.LayerNorm(config.width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """``(b, 229, 768)`` -> ``(b, 229, 768)``."""
        y = self.norm_1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        out: Tensor = x + self.mlp(self.norm_2(x))
        return out


class Trunk(nn.Module):
    """Twelve blocks, no norm at the end."""

    def __init__(self, config: ImageBindConfig) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))

    def forward(self, x: Tensor) -> Tensor:
        """``(b, 229, 768)`` -> ``(b, 229, 768)``."""
        for block in self.blocks:
            x = block(x)
        return x


class ClassToken(nn.Module):
    """Pick the class token: ``(b, 229, 768)`` -> ``(b, 768)``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return token 0."""
        return x[:, 0]


class UnitLength(nn.Module):
    """Scale vectors to length 1."""

    def forward(self, x: Tensor) -> Tensor:
        """``(..., d)`` -> ``(..., d)``."""
        return F.normalize(x, dim=-1)


class LogitScale(nn.Module):
    """Multiply by a stored scale, at most 100; 20 in the published file."""

    log_logit_scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("log_logit_scale", torch.tensor(20.0).log())

    def forward(self, x: Tensor) -> Tensor:
        """``(..., d)`` -> ``(..., d)``."""
        return x * self.log_logit_scale.exp().clamp(max=LARGEST_SCALE)


class ImageBindAudio(nn.Module):
    """The audio tower: 177 tensors, 86.24 M parameters.

    Args:
        config: Sizes; ``None``: the published ones.
    """

    def __init__(self, config: ImageBindConfig | None = None) -> None:
        super().__init__()
        config = config or ImageBindConfig()
        width = config.width
        head = nn.Sequential(
            nn.LayerNorm(width, eps=1e-6), ClassToken(), nn.Linear(width, config.embedding, bias=False)
        )
        self.modality_preprocessors = nn.ModuleDict({"audio": AudioTokens(width)})
        self.modality_trunks = nn.ModuleDict({"audio": Trunk(config)})
        self.modality_heads = nn.ModuleDict({"audio": head})
        self.modality_postprocessors = nn.ModuleDict({"audio": nn.Sequential(UnitLength(), LogitScale())})

    def forward(self, clips: Tensor) -> Tensor:
        """Embed recordings.

        Args:
            clips: ``(b, s, 1, 128, 204)``: s clips a recording, from ``imagebind_mel.mel_clips``.

        Returns:
            ``(b, 1024)``: the mean over the clips of vectors of length 20 (the mean itself is shorter).
        """
        x = clips.flatten(0, 1)
        for stage in (
            self.modality_preprocessors,
            self.modality_trunks,
            self.modality_heads,
            self.modality_postprocessors,
        ):
            x = stage["audio"](x)
        out: Tensor = x.unflatten(0, clips.shape[:2]).mean(1)
        return out
