"""CEN's network: frame vectors through two encoders, whose concatenated outputs a two-layer decoder describes.

Nadeem et al., "NarrativeBridge: Enhancing Video Captioning with Causal-Temporal Narrative", ICLR 2025, section 4. The
encoders and the decoder are UniVL's (Luo et al., 2020), here transformers' BERT with their embeddings. Axes: b videos,
t frames, f size of a frame's vector, c width, l tokens of a sentence, v words of the vocabulary.
"""

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertLMHeadModel, BertModel, CLIPVisionModelWithProjection

from baselines.cen.config import SIZES, CenConfig
from baselines.lmpmpp.mini.caption_start import FrameTokenEncoder

NORM_EPS = 1e-12


class Embeddings(nn.Module):
    """UniVL's embeddings in place of BERT's: words or projected frame vectors, and positions, without token types.

    Args:
        entries: Embedding of words, or projection of frame vectors.
        config: Sizes.
        dropout: Probability of dropout.
    """

    def __init__(self, entries: nn.Module, config: CenConfig, dropout: float) -> None:
        super().__init__()
        self.word_embeddings = entries
        self.position_embeddings = nn.Embedding(config.positions, config.width)
        self.LayerNorm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, input_ids: Tensor | None = None, inputs_embeds: Tensor | None = None, **_unused: object
    ) -> Tensor:
        """Embed word ids ``(b, l)`` or frame vectors ``(b, t, f)``: ``(b, l or t, c)``."""
        x: Tensor = self.word_embeddings(inputs_embeds if input_ids is None else input_ids)
        places = self.position_embeddings.weight[: x.shape[1]]
        out: Tensor = self.dropout(self.LayerNorm(x + places))
        return out


class VideoNorm(nn.Module):
    """Layer norm of the frame vectors, shared by both streams."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.visual_norm2d = nn.LayerNorm(size, eps=NORM_EPS)

    def forward(self, frames: Tensor) -> Tensor:
        """Normalize ``(b, t, f)``."""
        out: Tensor = self.visual_norm2d(frames)
        return out


class Cen(nn.Module):
    """The network, its parameters under the authors' names but for the decoder's (``checkpoint.py``).

    Args:
        config: Sizes.
    """

    def __init__(self, config: CenConfig = SIZES["base"]) -> None:
        super().__init__()
        self.config = config
        self.normalize_video = VideoNorm(config.clip.projection_dim)
        self.visual1, self.visual2 = _stream(config), _stream(config)
        sizes = _bert_config(config, config.decoder_depth)
        sizes.is_decoder = sizes.add_cross_attention = True
        self.decoder = BertLMHeadModel(sizes)
        words = self.decoder.bert.embeddings.word_embeddings
        self.decoder.bert.add_module("embeddings", Embeddings(words, config, sizes.hidden_dropout_prob))

    def encode(self, cause: Tensor, effect: Tensor, present: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """Encode the frame vectors of both streams.

        Args:
            cause: Of the first stream, ``(b, t, f)``.
            effect: Of the second stream, ``(b, t, f)``.
            present: Bool or int ``(b, t)`` of each, false on padding; ``None``: no padding.

        Returns:
            Memory of the decoder, ``(b, 2 * t, c)``, first stream first.
        """
        masks = (None, None) if present is None else tuple(mask.long() for mask in present)
        outputs = [
            stream(inputs_embeds=self.normalize_video(frames), attention_mask=mask).last_hidden_state
            for stream, frames, mask in zip((self.visual1, self.visual2), (cause, effect), masks, strict=True)
        ]
        return torch.cat(outputs, 1)

    def forward(self, ids: Tensor, present: Tensor, memory: Tensor, memory_present: Tensor | None = None) -> Tensor:
        """Predict the word after every word.

        Args:
            ids: int64 ``(b, l)``.
            present: Bool or int ``(b, l)``, false on padding.
            memory: ``(b, m, c)``, of `encode`.
            memory_present: Bool or int ``(b, m)``, false on padding; ``None``: no padding.

        Returns:
            Logits ``(b, l, v)``.
        """
        logits: Tensor = self.decoder(
            ids,
            attention_mask=present.long(),
            encoder_hidden_states=memory,
            encoder_attention_mask=None if memory_present is None else memory_present.long(),
            use_cache=False,
        ).logits
        return logits


class CenCaptioner(nn.Module):
    """CEN behind the encoder of its frames.

    RMEG has no sentences of causes and effects, on which the authors tune one CLIP for each stream: both streams see
    the same vectors.

    Args:
        config: Sizes.
    """

    def __init__(self, config: CenConfig = SIZES["base"]) -> None:
        super().__init__()
        self.frame_encoder = (
            FrameTokenEncoder(config.clip.projection_dim)
            if config.tracks
            else CLIPVisionModelWithProjection(config.clip)
        )
        self.cen = Cen(config)

    def encode(self, frames: Tensor) -> Tensor:
        """Encode normalized frames ``(b, t, 3, s, s)``, or tokens ``(b, t, 1, o, c)``, as memory ``(b, 2 * t, c)``."""
        vectors = self.frame_encoder(frames.flatten(0, 1)).image_embeds.unflatten(0, frames.shape[:2])
        return self.cen.encode(vectors, vectors)


def _bert_config(config: CenConfig, depth: int) -> BertConfig:
    return BertConfig(
        vocab_size=config.words,
        hidden_size=config.width,
        num_hidden_layers=depth,
        num_attention_heads=config.heads,
        intermediate_size=config.feedforward,
        max_position_embeddings=config.positions,
        layer_norm_eps=NORM_EPS,
    )


def _stream(config: CenConfig) -> BertModel:
    # One word: BERT's own embeddings are replaced.
    sizes = _bert_config(config, config.depth)
    sizes.vocab_size = 1
    stream = BertModel(sizes, add_pooling_layer=False)
    projection = nn.Linear(config.clip.projection_dim, config.width)
    stream.add_module("embeddings", Embeddings(projection, config, sizes.hidden_dropout_prob))
    return stream
