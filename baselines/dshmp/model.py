"""DsHmp, decoupled static and hierarchical motion perception (He & Ding, CVPR 2024).

LMPM's backbone and pixel decoder; the sentence's static words guide the frame decoder, its motion words the clip
module. Written from a description of the network; nobody's code was read. Axes: t frames, n tokens, c channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import RobertaConfig

from baselines.dshmp.clip_module import ClipModule
from baselines.dshmp.frame_decoder import FrameDecoder
from baselines.dshmp.sentence import Sentence
from baselines.layers.nn.language_swin import LanguageSwin
from baselines.layers.nn.pixel_decoder import PixelDecoder
from baselines.layers.nn.swin import SWIN_T, SwinConfig
from baselines.layers.nn.text_encoder import FeatureResizer, build_roberta


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


class DsHmp(nn.Module):
    """The whole network; key names are the published file's."""

    def __init__(self, text: RobertaConfig | None = None, swin: SwinConfig = SWIN_T, channels: int = 256) -> None:
        super().__init__()
        self.backbone = LanguageSwin(swin)
        self.sem_seg_head = SegmentationHead(swin.widths, channels)
        self.vita_module = ClipModule(channels)
        self.resizer = FeatureResizer(768, channels)
        self.text_encoder = build_roberta(text).requires_grad_(False)  # frozen in training too

    def encode_text(self, ids: Tensor, mask: Tensor, static: Sequence[int], motion: Sequence[int]) -> Sentence:
        """Encode a sentence.

        Args:
            ids: Token ids ``(1, n)``.
            mask: ``(1, n)``, 1 on tokens.
            static: Ascending positions of the static words' tokens; may be empty.
            motion: Ascending positions of the motion words' tokens; may be empty.
        """
        out = self.text_encoder(input_ids=ids, attention_mask=mask)
        tokens, feature = self.resizer(out.last_hidden_state), self.resizer(out.pooler_output)
        return Sentence(
            words=out.last_hidden_state.transpose(1, 2),
            mask=mask,
            tokens=tokens,
            feature=feature,
            static=torch.cat((tokens[0, list(static)], feature)),
            motion=torch.cat((tokens[0, list(motion)], feature)),
        )

    def stem(self, images: Tensor) -> Tensor:
        """Encode images ``(t, 3, h, w)`` as far as that goes without the words: ``(t, h / 4, w / 4, 96)``."""
        return self.backbone.stem(images)

    def encode_frames(self, stem: Tensor, sentence: Sentence) -> FrameFeatures:
        """Encode frames from their stem; the pixel decoder runs in float32 even in mixed precision."""
        maps = self.backbone(stem, sentence.words, sentence.mask)
        with torch.autocast(stem.device.type, enabled=False):
            features = self.sem_seg_head.pixel_decoder([x.float() for x in maps])
        queries, logits = self.sem_seg_head.predictor(features, sentence)
        return FrameFeatures(queries, features.fine, logits)

    def encode_clip(self, frame_queries: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """Match the frame queries ``(t, 20, c)`` of a whole video; see ``ClipModule``."""
        return self.vita_module(frame_queries, sentence)

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(t, c, h / 4, w / 4)`` for dot products with mask embeddings, same shape."""
        return self.vita_module.vita_mask_features(fine)
