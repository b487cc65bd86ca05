"""LMPM's clip module on the frames of a frozen, class-agnostic extractor: LMPM++ mini's.

LMPM itself mixes the words into backbone and frame decoder, so frames are encoded once per sentence. Here they are
encoded once for all, and can be cached for a training. Axes: t frames, s sentences, q queries of a frame, c channels.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.nn.text_encoder import FeatureResizer, build_roberta
from baselines.layers.nn.trajectory_network import FrameFeatures, Sentence, TrajectoryNetworkConfig
from baselines.lmpm.decoders import ClipModule
from baselines.lmpmpp.extractor import LanguageGuidedExtractor
from baselines.lmpmpp.mini.config import MINI


class ExtractorLmpm(nn.Module):
    """Frozen extractor, clip module and text encoder.

    Args:
        config: Sizes of clip module and text encoder; the frame queries are the extractor's.
    """

    def __init__(self, config: TrajectoryNetworkConfig) -> None:
        super().__init__()
        extractor = MINI.extractor
        self.extractor = LanguageGuidedExtractor.from_config(extractor, MINI.language.text_channels)
        self.extractor.requires_grad_(False)
        self.vita_module = ClipModule(
            replace(config.clip, channels=extractor.channels, frame_queries=extractor.queries)
        )
        self.text_encoder = build_roberta(config.text)
        self.resizer = FeatureResizer(config.text.channels, extractor.channels)
        self._pool = 4 // extractor.mask_stride

    def encode_text(self, ids: Tensor, mask: Tensor) -> Sentence:
        """Encode token ids ``(s, n)`` with attention mask ``(s, n)``; s is 1 outside of training."""
        out = self.text_encoder(input_ids=ids, attention_mask=mask)
        return Sentence(out.last_hidden_state.transpose(1, 2), mask, self.resizer(out.pooler_output))

    @torch.no_grad()
    def stem(self, images: Tensor) -> FrameFeatures:
        """Encode frames ``(t, 3, h, w)``, values 0..255, whatever the sentence; maps at stride 4."""
        return self.stem_with_masks(images)[0]

    @torch.no_grad()
    def stem_with_masks(self, images: Tensor) -> tuple[FrameFeatures, Tensor]:
        """Return ``stem`` and the extractor's own mask logits of each query, ``(t, q, h / 4, w / 4)``."""
        encoded = self.extractor.encoder(images)
        last = self.extractor.decoder(encoded)[-1]
        fine, masks = (F.avg_pool2d(maps, self._pool) for maps in (encoded.mask_features, last.mask_logits))
        return FrameFeatures(last.embeddings, fine, last.class_logits), masks

    def encode_frames(self, stem: FrameFeatures, sentence: Sentence) -> FrameFeatures:
        """Return the output of ``stem``: frames do not see the sentence."""
        return stem

    def encode_clip(self, frame_queries: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """Match the frame queries ``(t, q, c)`` of a whole video; see ``ClipQueryModule``."""
        logits, embeddings = self.vita_module(frame_queries, sentence)
        return logits, embeddings

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(t, c, h, w)`` for dot products with mask embeddings, same shape."""
        features: Tensor = self.vita_module.vita_mask_features(fine)
        return features
