"""Network of the methods that match trajectories with a sentence (LMPM, DsHmp); they differ in its decoders' hooks.

Ding et al., "MeViS" (ICCV 2023), section 4: a language-fused Swin backbone and Mask2Former's pixel decoder process
single frames, a frame decoder detects objects in each, a clip module links and classifies them over the video. Axes:
t frames, q queries of a frame, k trajectory queries, c channels, n words.
"""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_query_module import ClipDecoderConfig, ClipQueryModule
from baselines.layers.nn.frame_query_decoder import FrameQueryDecoder
from baselines.layers.nn.language_swin import LanguageSwin
from baselines.layers.nn.pixel_decoder import PixelDecoder, PixelDecoderConfig, PixelFeatures
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SWIN_T, SwinConfig
from baselines.layers.nn.text_encoder import FeatureResizer, TextEncoderConfig


@dataclass(frozen=True, slots=True)
class TrajectoryNetworkConfig:
    """Sizes of the network; the defaults are the authors' for LMPM with Swin-T.

    Attributes:
        swin: Backbone.
        text: RoBERTa.
        pixel: Pixel decoder.
        frame: Frame decoder.
        clip: Clip module.
    """

    swin: SwinConfig = SWIN_T
    text: TextEncoderConfig = field(default_factory=TextEncoderConfig)
    pixel: PixelDecoderConfig = field(default_factory=PixelDecoderConfig)
    frame: QueryDecoderConfig = field(default_factory=QueryDecoderConfig)
    clip: ClipDecoderConfig = field(default_factory=ClipDecoderConfig)


@dataclass(frozen=True, slots=True)
class Sentence:
    """An encoded sentence.

    Attributes:
        words: Last hidden state of the text encoder, or the words of a speech encoder, ``(1, d, n)``.
        mask: ``(1, n)``, 1 on words, 0 on padding.
        feature: Feature of the whole sentence, ``(1, c)``.
    """

    words: Tensor
    mask: Tensor
    feature: Tensor


SentenceT = TypeVar("SentenceT", bound=Sentence)


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Features of a chunk of frames.

    Attributes:
        queries: ``(t, q, c)``, input of the clip module.
        fine: ``(t, c, h / 4, w / 4)``, the map that masks are computed from.
        logits: Class logits of the frame queries, ``(t, q, 2)``; not used at inference.
    """

    queries: Tensor
    fine: Tensor
    logits: Tensor


class SegmentationHead(nn.Module, Generic[SentenceT]):
    """Pixel decoder and frame decoder (detectron2's ``sem_seg_head``)."""

    def __init__(self, pixel_decoder: PixelDecoder, predictor: FrameQueryDecoder[SentenceT]) -> None:
        super().__init__()
        self.pixel_decoder = pixel_decoder
        self.predictor = predictor


class TrajectoryNetwork(nn.Module, Generic[SentenceT]):
    """Backbone, pixel decoder, frame decoder and clip module; key names are those of the published files.

    Args:
        config: Sizes.
        predictor: The method's frame decoder.
        clip_module: The method's clip module.
    """

    def __init__(
        self,
        config: TrajectoryNetworkConfig,
        predictor: FrameQueryDecoder[SentenceT],
        clip_module: ClipQueryModule[SentenceT],
    ) -> None:
        super().__init__()
        c = config.frame.channels
        self.backbone = LanguageSwin(config.swin, config.text.channels)
        self.sem_seg_head = SegmentationHead(PixelDecoder(config.swin.widths, c, config.pixel), predictor)
        self.vita_module = clip_module
        self.resizer = FeatureResizer(config.text.channels, c)

    def stem(self, images: Tensor) -> Tensor:
        """Encode what does not depend on the sentence: images ``(t, 3, h, w)`` to ``(t, h / 4, w / 4, c_0)``."""
        return self.backbone.stem(images)

    def encode_frames(self, stem: Tensor, sentence: SentenceT) -> FrameFeatures:
        """Encode frames from the output of ``stem``; the pixel decoder runs in float32 even in mixed precision."""
        maps = self.backbone(stem, sentence.words, sentence.mask)
        with torch.autocast(stem.device.type, enabled=False):
            features: PixelFeatures = self.sem_seg_head.pixel_decoder([x.float() for x in maps])
        queries, logits = self.sem_seg_head.predictor(features, sentence)
        return FrameFeatures(queries, features.fine, logits)

    def encode_clip(self, frame_queries: Tensor, sentence: SentenceT) -> tuple[Tensor, Tensor]:
        """Match the frame queries ``(t, q, c)`` of a whole video; see ``ClipQueryModule``."""
        logits, embeddings = self.vita_module(frame_queries, sentence)
        return logits, embeddings

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(t, c, h / 4, w / 4)`` for dot products with mask embeddings, same shape."""
        features: Tensor = self.vita_module.vita_mask_features(fine)
        return features
