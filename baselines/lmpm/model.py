"""LMPM, Language-guided Motion Perception and Matching (Ding et al., "MeViS", ICCV 2023).

A language-fused Swin backbone and Mask2Former's pixel decoder see frame by frame; a frame decoder makes 20 queries a
frame; a clip module turns those of the whole video into 10 trajectory queries. Axes: t frames, c channels, n words.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import RobertaModel

from baselines.layers.nn.language_swin import LanguageSwin
from baselines.layers.nn.pixel_decoder import PixelDecoder
from baselines.layers.nn.swin import SWIN_T, SwinConfig
from baselines.layers.nn.text_encoder import FeatureResizer
from baselines.lmpm.clip_module import ClipModule
from baselines.lmpm.frame_decoder import FrameDecoder
from baselines.lmpm.speech import SpeechEncoder


@dataclass(frozen=True, slots=True)
class Sentence:
    """An encoded sentence.

    Attributes:
        words: ``(1, 768, n)``, RoBERTa's last hidden state, or what a ``SpeechEncoder`` makes of speech.
        mask: ``(1, n)``, 1 on words, 0 on padding.
        feature: ``(1, c)``, the whole sentence.
    """

    words: Tensor
    mask: Tensor
    feature: Tensor


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """What one chunk of frames gives the clip module.

    Attributes:
        queries: ``(t, 20, c)``.
        fine: ``(t, c, h / 4, w / 4)``, the map that masks are read from.
        logits: Class logits of the frame queries, ``(t, 20, 2)``; not used to predict.
    """

    queries: Tensor
    fine: Tensor
    logits: Tensor


class SegmentationHead(nn.Module):
    """Pixel decoder and frame decoder."""

    def __init__(self, backbone_channels: tuple[int, ...], channels: int) -> None:
        super().__init__()
        self.pixel_decoder = PixelDecoder(backbone_channels, channels)
        self.predictor = FrameDecoder(channels)


class Lmpm(nn.Module):
    """The whole network; key names are the published file's.

    Args:
        reader: What makes words of a prompt: RoBERTa (kept as ``text_encoder``) or a ``SpeechEncoder`` (kept as
            ``speech_encoder``).
        swin: Sizes of the backbone.
        channels: Width of everything behind it.
    """

    def __init__(self, reader: RobertaModel | SpeechEncoder, swin: SwinConfig = SWIN_T, channels: int = 256) -> None:
        super().__init__()
        self.backbone = LanguageSwin(swin)
        self.sem_seg_head = SegmentationHead(swin.widths, channels)
        self.vita_module = ClipModule(channels)
        self.resizer = FeatureResizer(768, channels)
        if isinstance(reader, SpeechEncoder):
            self.speech_encoder = reader
        else:
            self.text_encoder = reader.requires_grad_(False)  # frozen in training too

    def encode_text(self, ids: Tensor, mask: Tensor) -> Sentence:
        """Encode token ids ``(1, n)`` with attention mask ``(1, n)``."""
        out = self.text_encoder(input_ids=ids, attention_mask=mask)
        return Sentence(out.last_hidden_state.transpose(1, 2), mask, self.resizer(out.pooler_output))

    def encode_speech(self, waveform: NDArray[np.float32]) -> Sentence:
        """Encode speech ``(samples,)`` at 16 kHz."""
        words, feature = self.speech_encoder(waveform)
        mask = torch.ones(words.shape[:2], dtype=torch.int64, device=words.device)
        return Sentence(words.transpose(1, 2), mask, self.resizer(feature))

    def stem(self, images: Tensor) -> Tensor:
        """Encode images ``(t, 3, h, w)`` as far as that goes without the words: ``(t, h / 4, w / 4, 96)``."""
        return self.backbone.stem(images)

    def encode_frames(self, stem: Tensor, sentence: Sentence) -> FrameFeatures:
        """Encode frames from their stem; the pixel decoder runs in float32 even in mixed precision."""
        maps = self.backbone(stem, sentence.words, sentence.mask)
        with torch.autocast(stem.device.type, enabled=False):
            features = self.sem_seg_head.pixel_decoder([x.float() for x in maps])
        queries, logits = self.sem_seg_head.predictor(features, sentence.feature)
        return FrameFeatures(queries, features.fine, logits)

    def encode_clip(self, frame_queries: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """Match the frame queries ``(t, 20, c)`` of a whole video; see ``ClipModule``."""
        return self.vita_module(frame_queries, sentence.feature)

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(t, c, h / 4, w / 4)`` for dot products with mask embeddings, same shape."""
        return self.vita_module.vita_mask_features(fine)
