"""VITA's clip module: windowed attention among the frame queries of a video, then trajectory queries (LMPM, DsHmp).

Heo et al., "VITA" (NeurIPS 2022), section 3.3; MUTR's temporal interaction uses the same decoder. Axes: g clips, t
frames, q queries of a frame, k trajectory queries, n windows of w frames, c channels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.layers.nn.clip_windows import ClipWindows
from baselines.layers.nn.masked_attention import FeedForwardLayer, SelfAttentionLayer
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.query_decoder import DecoderMemory, QueryDecoder, QueryDecoderConfig, SentenceT


@dataclass(frozen=True, slots=True)
class ClipDecoderConfig(QueryDecoderConfig):
    """Sizes of a clip decoder; the defaults are those of LMPM's clip module.

    Attributes:
        queries: Trajectory queries.
        depth: Decoder layers.
        frame_queries: Queries per frame.
        window: Frames per attention window; ``None``: all frames of a clip are one window.
        encoder_depth: Layers of windowed attention.
    """

    queries: int = 10
    depth: int = 3
    frame_queries: int = 20
    window: int | None = 6
    encoder_depth: int = 6


class ClipQueryDecoder(QueryDecoder[SentenceT]):
    """Windowed self-attention among all frame queries, then queries of the clip that attend to them."""

    def __init__(self, config: ClipDecoderConfig) -> None:
        super().__init__(config)
        c, heads, dropout = config.channels, config.heads, config.dropout
        depth = range(config.encoder_depth)
        self.window = config.window
        self.enc_self_attn = nn.ModuleList(SelfAttentionLayer(c, heads, dropout) for _ in depth)
        self.enc_ffn = nn.ModuleList(FeedForwardLayer(c, config.feedforward, dropout) for _ in depth)
        self.fq_pos = nn.Embedding(config.frame_queries, c)

    def attend_motion(self, index: int, windows: Tensor, sentence: SentenceT) -> Tensor:
        """Hook: attention of windows ``(n, w, q, c)`` to the sentence in encoder layer ``index``; by default none."""
        return windows

    def encode(self, frame_queries: Tensor, sentence: SentenceT, *, shifting: bool) -> Tensor:
        """Exchange information among the frame queries of nearby frames.

        Args:
            frame_queries: ``(g, t, q, c)``.
            sentence: Passed to the hook.
            shifting: Shift the windows by half in every other layer; requires a window. The authors do so except in
                training.

        Returns:
            ``(g, t, q, c)``.
        """
        clips, frames, queries, _ = frame_queries.shape
        window = self.window or frames
        windows = ClipWindows(frames, window, queries, frame_queries)
        masks = [mask.repeat(clips, 1, 1, 1) for mask in windows.attn_masks]
        x = torch.stack([windows.pad(clip) for clip in frame_queries])
        for index, (self_attn, ffn) in enumerate(zip(self.enc_self_attn, self.enc_ffn, strict=True)):
            shifted = shifting and index % 2 == 1
            tokens = self_attn(windows.split(x, shifted=shifted), attn_mask=masks[shifted])
            tokens = self.attend_motion(index, tokens.unflatten(1, (window, queries)), sentence).flatten(1, 2)
            x = windows.join(ffn(tokens), shifted=shifted)
        return x[:, :frames]

    def layer_queries(self, encoded: Tensor, sentence: SentenceT) -> Iterator[Tensor]:
        """Yield the normalized queries ``(g, k, c)`` of every layer; ``encoded`` is the output of ``encode``."""
        pos = self.fq_pos.weight.repeat(encoded.shape[1], 1)
        memory = DecoderMemory(encoded.flatten(1, 2))
        x = self.start_queries(sentence).expand(len(encoded), -1, -1)
        for index in range(len(self.transformer_cross_attention_layers)):
            memory = self.before_layer(index, memory, sentence)
            x = self.run_layer(index, x, memory, sentence, pos=pos)
            yield self.decoder_norm(x)


class ClipQueryModule(ClipQueryDecoder[SentenceT]):
    """Clip decoder with the heads that classify trajectories and give their mask embeddings.

    Args:
        config: Sizes.
        class_channels: Input width of the class head; ``None``: ``config.channels``.
    """

    def __init__(self, config: ClipDecoderConfig, class_channels: int | None = None) -> None:
        super().__init__(config)
        c = config.channels
        self.vita_mask_features = nn.Conv2d(c, c, 1)
        self.input_proj_dec = nn.Linear(c, c)
        self.class_embed = nn.Linear(c if class_channels is None else class_channels, 2)
        self.mask_embed = Mlp(c, c, c, c)
        # Projections of the similarity loss, not used at inference.
        self.sim_embed_frame = nn.Linear(c, c)
        self.sim_embed_clip = nn.Linear(c, c)

    def class_logits(self, queries: Tensor, sentence: SentenceT) -> Tensor:
        """Hook: classify trajectory queries ``(g, k, c)``: ``(g, k, 2)``, target first, no target last."""
        logits: Tensor = self.class_embed(queries)
        return logits

    def encode(self, frame_queries: Tensor, sentence: SentenceT, *, shifting: bool) -> Tensor:
        """Project frame queries ``(g, t, q, c)``, then encode as ``ClipQueryDecoder`` does."""
        return super().encode(self.input_proj_dec(frame_queries), sentence, shifting=shifting)

    def forward(self, frame_queries: Tensor, sentence: SentenceT) -> tuple[Tensor, Tensor]:
        """Match the frame queries of a whole video with the sentence.

        Args:
            frame_queries: ``(t, q, c)``.
            sentence: The encoded sentence.

        Returns:
            Logits ``(k, 2)``, target first, no target last, and mask embeddings ``(k, c)``.
        """
        encoded = self.encode(frame_queries[None], sentence, shifting=True)
        *_, queries = self.layer_queries(encoded, sentence)
        return self.class_logits(queries, sentence)[0], self.mask_embed(queries)[0]
