"""VAST's network for captions of silent videos: transformers' vision encoder and BERT around the authors' glue.

Chen et al., "VAST: A Vision-Audio-Subtitle-Text Omni-Modality Foundation Model and Dataset", NeurIPS 2023, section 4.
Without audio and subtitles, which MeViS does not have. Parts are registered under the published keys, but for the
vision encoder (``checkpoint.py``). Axes: b videos, t frames, n tokens of a frame, c width of the decoder, l tokens of a
sentence, v words of the vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BertConfig, BertLMHeadModel, Blip2VisionConfig, Blip2VisionModel

from baselines.lmpmpp.mini.caption_start import TokenEncoder
from baselines.vast.config import SIZES, VastConfig


class Vast(nn.Module):
    """The network.

    Args:
        config: Sizes.
    """

    def __init__(self, config: VastConfig = SIZES["base"]) -> None:
        super().__init__()
        self.config = config
        self.vision_encoder = TokenEncoder(config.vision_width) if config.tracks else _vision_encoder(config)
        self.hidden_trans_vision_multimodal = nn.Sequential(
            nn.Linear(config.vision_width, config.width), nn.LayerNorm(config.width, eps=1e-12)
        )
        self.vision_frame_embedding = nn.Parameter(0.02 * torch.randn(1, config.frames, config.width))
        self.vision_type_embeddings = nn.Parameter(0.02 * torch.randn(1, 1, config.width))
        self.multimodal_encoder = BertLMHeadModel(
            BertConfig(
                vocab_size=config.words,
                hidden_size=config.width,
                num_hidden_layers=config.depth,
                num_attention_heads=config.heads,
                intermediate_size=config.feedforward,
                max_position_embeddings=config.positions,
                is_decoder=True,
                add_cross_attention=True,
            )
        )

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(b, t, 3, s, s)`` as tokens ``(b, t * n, c)``, frame by frame.

        A class token precedes the patches of a frame; the tokens of the common start, ``(b, t, 1, n, c)``, have none.
        For another number of frames than there are embeddings, these are repeated or left out (nearest).
        """
        b, t = frames.shape[:2]
        patches = self.vision_encoder(frames.flatten(0, 1)).last_hidden_state
        tokens = self.hidden_trans_vision_multimodal(patches).unflatten(0, (b, t))
        times: Tensor = self.vision_frame_embedding
        if t != times.shape[1]:
            times = F.interpolate(times.float().transpose(1, 2), size=t, mode="nearest").transpose(1, 2).to(times.dtype)
        out: Tensor = tokens + times[:, :, None] + self.vision_type_embeddings[:, :, None]
        return out.flatten(1, 2)

    def forward(self, ids: Tensor, present: Tensor, video: Tensor) -> Tensor:
        """Predict the word at every position from the words before, from itself (maybe a mask) and from the video.

        Args:
            ids: int64 ``(b, l)``.
            present: bool or int ``(b, l)``, false on padding.
            video: ``(b, t * n, c)``, of `encode`.

        Returns:
            Logits ``(b, l, v)``.
        """
        logits: Tensor = self.multimodal_encoder(
            ids, attention_mask=present.long(), encoder_hidden_states=video, use_cache=False
        ).logits
        return logits


def _vision_encoder(config: VastConfig) -> Blip2VisionModel:
    return Blip2VisionModel(
        Blip2VisionConfig(
            hidden_size=config.vision_width,
            intermediate_size=config.vision_feedforward,
            num_hidden_layers=config.vision_depth,
            num_attention_heads=config.vision_heads,
            image_size=config.image_size,
            patch_size=config.patch_size,
            layer_norm_eps=1e-6,
        )
    )
