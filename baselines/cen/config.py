"""Sizes of CEN by name: the authors', and one that trains on a CPU."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from transformers import CLIPVisionConfig


@dataclass(frozen=True, slots=True)
class CenConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        clip: Sizes of the frame encoder, CLIP ViT-B/32.
        tracks: Whether targets are tokens of the common start of the mini variants, in place of the frame encoder.
        width: Width of the streams and of the decoder.
        heads: Attention heads of both.
        feedforward: Hidden width of their MLPs.
        depth: Layers of a stream.
        decoder_depth: Layers of the decoder.
        words: Entries of the vocabulary.
        positions: Upper bound of a stream's frames and of a sentence's tokens.
    """

    clip: CLIPVisionConfig = field(default_factory=CLIPVisionConfig)
    tracks: bool = False
    width: int = 768
    heads: int = 12
    feedforward: int = 3072
    depth: int = 2
    decoder_depth: int = 2
    words: int = 30522
    positions: int = 512

    @property
    def side(self) -> int:
        """Side of a frame, in pixels."""
        side = self.clip.image_size
        assert isinstance(side, int)
        return side


SIZES: Mapping[str, CenConfig] = {
    "base": CenConfig(),
    "mini": CenConfig(
        clip=CLIPVisionConfig(
            hidden_size=96, intermediate_size=256, num_hidden_layers=3, num_attention_heads=4, image_size=96,
            patch_size=12, projection_dim=96,
        ),
        width=128, heads=4, feedforward=256, words=1024, positions=64,
    ),
    "tracks": CenConfig(
        clip=CLIPVisionConfig(projection_dim=128), tracks=True, width=128, heads=4, feedforward=256, words=1024,
        positions=64,
    ),
}  # fmt: skip
"""Sizes by name; ``mini`` and ``tracks`` have no published weights."""
