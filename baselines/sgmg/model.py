"""SgMg: ReferFormer's front and transformer with filters of the spectrum, and masks refined from patches.

Miao et al., "Spectrum-guided Multi-granularity Referring Video Object Segmentation", ICCV 2023. Axes: t frames of a
clip, f some of them, q queries, c channels, h rows, w columns.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.clip_backbones import Backbone
from baselines.layers.nn.cross_modal_fpn import Level, Pieces, Words
from baselines.layers.nn.dynamic_mask_head import DynamicHead
from baselines.layers.nn.language_queries import FoundQueries, LanguageDetector, LanguageQueriesConfig
from baselines.layers.nn.prepared_maps import ClipInput
from baselines.sgmg.refiner import PATCH, MaskRefiner
from baselines.sgmg.spectrum import SpectrumFilter, gaussians

LEVELS = 4
STRIDE = 8
"""Pixels per cell of the patches."""
MULTIPLE = 16
"""Frames are padded right and bottom to multiples of this."""
SMALLEST = 144
"""Least side of the padded frames: the coarsest level must be 3 x 3 for the filters' convolution."""


@dataclass(frozen=True, slots=True)
class ClipFeatures:
    """Encoded clip, independent of the sentence.

    Attributes:
        size: Rows and columns of the frames in pixels, without padding.
        levels: Filtered maps of strides 8, 16, 32 and 64.
        gaussians: Gaussian of every level, ``(h, w)``.
        middle: The backbone's maps of stride 8, pieces ``(f, c, h, w)``.
        fine: The backbone's maps of stride 4.
    """

    size: tuple[int, int]
    levels: list[Level]
    gaussians: list[Tensor]
    middle: Pieces
    fine: Pieces


@dataclass(frozen=True, slots=True)
class SegmentedClip:
    """Output for one sentence and one clip.

    Attributes:
        logits: Logits of being the referred object, ``(t, q)``.
        boxes: ``(t, q, 4)``, ``cx, cy, w, h`` in shares of the frame without padding.
        patches: Mask logits before their refinement, ``(t, q, 16, h, w)`` at stride 8.
        found: Decoder output.
    """

    logits: Tensor
    boxes: Tensor
    patches: Tensor
    found: FoundQueries


class SgMg(nn.Module):
    """The network, from frames to patches of masks, and their refinement.

    Args:
        backbone: A name of ``clip_backbones.BACKBONES``, or the backbone itself.
        reference: Encoder of the sentences, with separate projections.
        config: Sizes; ``None``: the authors'.
    """

    def __init__(
        self, backbone: str | Backbone, reference: TextReference, config: LanguageQueriesConfig | None = None
    ) -> None:
        super().__init__()
        config = config or LanguageQueriesConfig()
        c = config.channels
        self.reference = reference
        head = DynamicHead(c, layers=2, width=PATCH**2, outputs=PATCH**2, stride=STRIDE)
        self.queries = LanguageDetector(backbone, config, head)
        self.input_fft = nn.ModuleList(SpectrumFilter(c) for _ in range(LEVELS))
        self.input_fft_post = nn.ModuleList(SpectrumFilter(c) for _ in range(LEVELS))
        fine, middle, *_ = self.queries.backbone.channels
        self.mask_refine = MaskRefiner(middle, fine)

    def encode(self, frames: ClipInput, size: tuple[int, int] | None = None) -> ClipFeatures:
        """Encode a clip, once for all sentences.

        Args:
            frames: Normalized RGB, ``(t, 3, H, W)``, of any size, padded to a multiple of ``MULTIPLE``, at least
                ``SMALLEST``; or its maps, padded likewise.
            size: Rows and columns that are image; the remainder is padding. ``None``: no padding.
        """
        height, width = frames.shape[-2:]
        rows, columns = (max(side + -side % MULTIPLE, SMALLEST) for side in (height, width))
        padded = (
            F.pad(frames, (0, columns - width, 0, rows - height))
            if isinstance(frames, Tensor)
            else frames.padded(rows, columns)
        )
        clip = self.queries.encode_levels(padded, size or (height, width), lambda maps: maps[:2])
        sizes = [(level.position.shape[-2], level.position.shape[-1]) for level in clip.levels]
        filters = gaussians(sizes, frames.device)
        levels = [
            replace(level, maps=[spectrum(x, gaussian) for x in level.maps])
            for level, spectrum, gaussian in zip(clip.levels, self.input_fft, filters, strict=True)
        ]
        fine, middle = clip.kept
        return ClipFeatures(clip.size, levels, filters, middle, fine)

    def read(self, ids: Tensor, mask: Tensor | None = None) -> tuple[Words, Tensor]:
        """Encode one sentence; see `TextReference`."""
        out: tuple[Words, Tensor] = self.reference(ids, mask)
        return out

    def fuse(self, clip: ClipFeatures, words: Words) -> list[Level]:
        """Fuse every level with the words and filter it again."""
        fused = [self.queries.fuse(level, words) for level in clip.levels]
        return [
            replace(level, maps=[spectrum(x, gaussian) for x in level.maps])
            for level, spectrum, gaussian in zip(fused, self.input_fft_post, clip.gaussians, strict=True)
        ]

    def find(self, clip: ClipFeatures, text: tuple[Words, Tensor]) -> FoundQueries:
        """Detect a sentence's object in every frame of one clip."""
        words, sentence = text
        return self.queries.find(self.fuse(clip, words), self.queries.start(sentence))

    def forward(self, clip: ClipFeatures, text: tuple[Words, Tensor]) -> SegmentedClip:
        """Segment the object of one sentence in one clip."""
        found = self.find(clip, text)
        states, boxes = found.states[-1], found.boxes[-1]
        logits = self.queries.class_embed[-1](states).squeeze(-1)
        patches = self.draw(clip, found, states, boxes[..., :2])
        return SegmentedClip(logits, boxes, patches, found)

    def draw(self, clip: ClipFeatures, found: FoundQueries, states: Tensor, centers: Tensor) -> Tensor:
        """Predict patches of masks, ``(t, q, 16, h, w)``; arguments as those of `LanguageQueries.segment`."""
        return self.queries.draw(mask_features(found.memory), clip.size, states, centers)

    def refine(self, clip: ClipFeatures, patches: Tensor) -> Iterator[Tensor]:
        """Refine the patches of some queries.

        Args:
            clip: The encoded clip.
            patches: ``(t, q, 16, h, w)``.

        Yields:
            Mask logits of the next frames at full resolution, padding included: ``(f, q, H, W)``.
        """
        parts = patches.split([len(x) for x in clip.middle])
        for piece, middle, fine in zip(parts, clip.middle, clip.fine, strict=True):
            frames, queries = piece.shape[:2]
            levels = (x.repeat_interleave(queries, dim=0) for x in (middle, fine))
            refined = self.mask_refine(piece.flatten(0, 1), *levels)
            yield F.pixel_shuffle(refined, PATCH).view(frames, queries, *(PATCH * side for side in fine.shape[-2:]))


def mask_features(memory: list[Level]) -> Iterator[Tensor]:
    """Yield the sum of the encoded levels at stride 8, ``(f, c, h, w)``; coarser ones are scaled bicubically."""
    for finest, *coarser in zip(*(level.maps for level in memory), strict=True):
        size = finest.shape[-2:]
        scaled = [F.interpolate(x, size=size, mode="bicubic", align_corners=False) for x in coarser]
        yield torch.stack((finest, *scaled)).sum(0)
