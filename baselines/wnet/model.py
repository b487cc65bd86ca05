"""WNet's network. Parameter names are those of the published file, entry ``model``."""

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.clip_backbones import Backbone, ClipBackbone
from baselines.layers.nn.position_encoding import sine_grid
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.wnet.config import SIZES, WNetConfig
from baselines.wnet.mask_head import BoxAttention, FrameMaskHead, clip_mask_head
from baselines.wnet.transformer import Transformer

AUDIO_FEATURES = 39
"""Numbers per step of a recording: MFCC with first and second differences."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Encoded frames of a clip, independent of the audio.

    Attributes:
        tokens: ``(t * h * w, 1, c)``, frame by frame, row by row; c channels of ``WNetConfig``.
        positions: Their 3-D position encoding, same shape.
        adapted: The mask head's maps of stride 16, 8 and 4.
        size: t, h, w of the stride-32 map.
    """

    tokens: Tensor
    positions: Tensor
    adapted: tuple[Tensor, Tensor, Tensor]
    size: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class WNetOutputs:
    """Predictions of b clips, each with its own recording.

    Attributes:
        pred_boxes: ``(b, t, 4)``, ``cx, cy, w, h`` in 0..1.
        pred_masks: Mask logits ``(b, t, h, w)``.
        memory: Video tokens after the encoder, ``(n, b, c)``.
        fusion: Video tokens after the first encoder layer's attention to the audio, ``(n, b, c)``.
        aux_boxes: Boxes ``(b, t, 4)`` of the decoder layers before the last, first to last.
    """

    pred_boxes: Tensor
    pred_masks: Tensor
    memory: Tensor
    fusion: Tensor
    aux_boxes: tuple[Tensor, ...] = ()


class BoxHead(nn.Module):
    """Three linear layers; boxes are used in training only."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        sizes = (channels, channels, 4)
        self.layers = nn.ModuleList(nn.Linear(channels, size) for size in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """``(..., c)`` -> center x, center y, width, height in 0..1, ``(..., 4)``."""
        first, second, third = self.layers
        out: Tensor = third(F.relu(second(F.relu(first(x))))).sigmoid()
        return out


class QueryNetwork(nn.Module):
    """Backbone, transformer and boxes: everything but the mask heads."""

    def __init__(self, frames: int, backbone: Backbone, config: WNetConfig, audio: int) -> None:
        super().__init__()
        channels = config.channels
        self.transformer = Transformer(config)
        self.bbox_embed = BoxHead(channels)
        self.query_embed = nn.Embedding(frames, channels)
        self.input_proj = nn.Conv2d(backbone.channels[-1], channels, 1)
        self.proj_a = nn.Conv1d(audio, channels, 1, bias=False)
        self.backbone = nn.ModuleList((backbone,))

    def body(self, frames: ClipInput) -> list[Tensor]:
        """Four backbone maps of a clip; see ``Backbone``."""
        (maps,) = self.backbone[0](frames, len(frames))
        return list(maps)


class WNet(nn.Module):
    """Segmentation of a spoken expression in a clip of a fixed number of frames.

    Args:
        frames: Frames per clip; 36 in the published model.
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        config: Sizes of everything else.
        audio: Numbers per step of the audio.
    """

    def __init__(
        self,
        frames: int = 36,
        backbone: str | Backbone = "resnet50",
        config: WNetConfig = SIZES["base"],
        audio: int = AUDIO_FEATURES,
    ) -> None:
        super().__init__()
        self.frames = frames
        backbone = ClipBackbone(backbone) if isinstance(backbone, str) else backbone
        self.wnet = QueryNetwork(frames, backbone, config, audio)
        self.bbox_attention = BoxAttention(config)
        fine, middle, coarse, _ = backbone.channels
        self.mask_head = FrameMaskHead(config, (fine, middle, coarse))
        self.insmask_head = clip_mask_head(config)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip once for all of its expressions.

        Args:
            frames: ``(t, 3, H, W)``, normalized, t the model's number of frames, or their maps.
            size: Rows and columns that are image: all, as the network has no mask of padding.
        """
        assert size is None or size == tuple(frames.shape[-2:])
        *maps, last = self.wnet.body(frames)
        projected = self.wnet.input_proj(last)
        t, channels, h, w = projected.shape
        positions = sine_grid((t, h, w), channels // 3, device=projected.device)
        return ClipFeatures(
            tokens=projected.permute(0, 2, 3, 1).reshape(-1, 1, channels),
            positions=positions.permute(2, 3, 4, 0, 1).reshape(-1, 1, channels),
            adapted=self.mask_head.adapt(maps),
            size=(t, h, w),
        )

    def forward(self, clip: ClipFeatures, audio: Tensor) -> WNetOutputs:
        """Segment what one recording refers to in a clip, a batch of one.

        Args:
            clip: From ``encode``.
            audio: ``(1, 39, steps)``: MFCC with first and second differences; or another number of features.
        """
        t, h, w = clip.size
        steps = self.wnet.proj_a(audio).permute(2, 0, 1)
        memory, fusion = self.wnet.transformer.encoder(clip.tokens, steps)
        queries = self.wnet.query_embed.weight[:, None]
        layers = self.wnet.transformer.decoder(memory, clip.positions, queries)[:, :, 0]
        hidden = layers[-1]
        maps = memory.view(t, h, w, -1).permute(0, 3, 1, 2)
        pyramid = self.mask_head(maps, self.bbox_attention(hidden, maps), clip.adapted)
        logits = self.insmask_head(pyramid.transpose(0, 1)[None])[:, 0]
        *aux_boxes, boxes = self.wnet.bbox_embed(layers)[:, None]
        return WNetOutputs(boxes, logits, memory, fusion, tuple(aux_boxes))
