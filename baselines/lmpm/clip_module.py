"""LMPM's motion perception and matching: from the frame queries of a whole video to target trajectories.

MeViS (ICCV 2023), section 4; windows and layers as in VITA (NeurIPS 2022). Axes: t frames, q queries of a frame,
k trajectory queries, c channels.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from baselines.layers.inference.clip_windows import ClipWindows
from baselines.layers.nn.masked_attention import CrossAttentionLayer, FeedForwardLayer, SelfAttentionLayer
from baselines.layers.nn.mlp import Mlp


class ClipModule(nn.Module):
    """Windowed attention among all frame queries, then trajectory queries that gather from them."""

    def __init__(
        self,
        channels: int = 256,
        *,
        frame_queries: int = 20,
        queries: int = 10,
        window: int = 6,
        encoder_depth: int = 6,
        decoder_depth: int = 3,
        heads: int = 8,
        feedforward: int = 2048,
    ) -> None:
        super().__init__()
        self.window = window
        self.enc_self_attn = nn.ModuleList(SelfAttentionLayer(channels, heads) for _ in range(encoder_depth))
        self.enc_ffn = nn.ModuleList(FeedForwardLayer(channels, feedforward) for _ in range(encoder_depth))
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(channels, heads) for _ in range(decoder_depth)
        )
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(channels, heads) for _ in range(decoder_depth)
        )
        self.transformer_ffn_layers = nn.ModuleList(
            FeedForwardLayer(channels, feedforward) for _ in range(decoder_depth)
        )
        self.vita_mask_features = nn.Conv2d(channels, channels, 1)
        self.decoder_norm = nn.LayerNorm(channels)
        self.query_embed = nn.Embedding(queries, channels)
        self.fq_pos = nn.Embedding(frame_queries, channels)
        self.input_proj_dec = nn.Linear(channels, channels)
        self.class_embed = nn.Linear(2 * channels, 2)
        self.mask_embed = Mlp(channels, channels, channels, channels)
        # Projections of the similarity loss: in the published file, not used to predict.
        self.sim_embed_frame = nn.Linear(channels, channels)
        self.sim_embed_clip = nn.Linear(channels, channels)

    def forward(self, frame_queries: Tensor, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """Find the trajectories that the sentence speaks of.

        Args:
            frame_queries: ``(t, q, c)``, all frames of the video.
            sentence: ``(1, c)``.

        Returns:
            Logits ``(k, 2)``, the first of target, the last of no target, and mask embeddings ``(k, c)``.
        """
        memory = self.encode(frame_queries[None], shifting=True)
        *_, queries = self.layer_queries(memory, sentence)
        return self.class_logits(queries, sentence)[0], self.mask_embed(queries)[0]

    def encode(self, frame_queries: Tensor, *, shifting: bool) -> Tensor:
        """Let frame queries see those of nearby frames.

        Args:
            frame_queries: ``(g, t, q, c)``, g clips of t frames.
            shifting: Shift the windows in every other layer, which one clip alone (g = 1) can do. The authors do so
                except in training.

        Returns:
            ``(g, t, q, c)``.
        """
        clips, frames, count, _ = frame_queries.shape
        x = self.input_proj_dec(frame_queries)
        windows = ClipWindows(frames, self.window, count, x)
        bias = [table.repeat(clips, 1, 1, 1) for table in windows.bias]
        x = torch.cat([windows.pad(clip) for clip in x])
        for index, (attend, feed) in enumerate(zip(self.enc_self_attn, self.enc_ffn, strict=True)):
            shifted = shifting and index % 2 == 1
            cut = windows.split(x, shifted=shifted)
            x = windows.join(feed(attend(cut, bias=bias[shifted])), shifted=shifted)
        return x.unflatten(0, (clips, -1))[:, :frames]

    def class_logits(self, queries: Tensor, sentence: Tensor) -> Tensor:
        """Classify trajectory queries ``(g, k, c)``: ``(g, k, 2)``."""
        return self.class_embed(torch.cat((queries, sentence.expand_as(queries)), dim=-1))

    def layer_queries(self, memory: Tensor, sentence: Tensor) -> Iterator[Tensor]:
        """Yield the normalized trajectory queries ``(g, k, c)`` of every layer; memory from ``encode``."""
        place = self.fq_pos.weight.repeat(memory.shape[1], 1)
        position = self.query_embed.weight
        x = sentence.expand(len(memory), len(position), -1)
        memory = memory.flatten(1, 2)
        layers = zip(
            self.transformer_cross_attention_layers,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for cross, attend, feed in layers:
            x = cross(x, memory, position=position, memory_position=place)
            x = feed(attend(x, position))
            yield self.decoder_norm(x)
