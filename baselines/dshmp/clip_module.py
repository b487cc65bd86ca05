"""DsHmp's clip module: from the frame queries of a whole video to target trajectories, guided by the motion words.

He & Ding, CVPR 2024, section 3.3; windows as in VITA. Axes: t frames, q queries of a frame, k trajectory queries,
c channels.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from baselines.dshmp.motion_attention import MotionAttention
from baselines.dshmp.sentence import Sentence
from baselines.dshmp.word_fusion import WordFusion
from baselines.layers.inference.clip_windows import ClipWindows
from baselines.layers.nn.masked_attention import CrossAttentionLayer, FeedForwardLayer, SelfAttentionLayer
from baselines.layers.nn.mlp import Mlp

MOTION_SHARE = 0.1
"""How much of what the motion words say is added to the queries."""


class ClipModule(nn.Module):
    """Windowed attention and motion attention among all frame queries, then trajectory queries that gather."""

    def __init__(
        self,
        channels: int = 256,
        *,
        frame_queries: int = 20,
        queries: int = 10,
        window: int = 8,
        encoder_depth: int = 6,
        decoder_depth: int = 3,
        heads: int = 8,
        feedforward: int = 2048,
    ) -> None:
        super().__init__()
        self.window = window
        self.enc_self_attn = nn.ModuleList(SelfAttentionLayer(channels, heads) for _ in range(encoder_depth))
        self.hierarchical_cross = nn.ModuleList(MotionAttention(channels) for _ in range(encoder_depth))
        self.enc_ffn = nn.ModuleList(FeedForwardLayer(channels, feedforward) for _ in range(encoder_depth))
        self.fusion_layers = nn.ModuleList(WordFusion(channels) for _ in range(decoder_depth))
        self.transformer_cross_attention_layers = nn.ModuleList(
            CrossAttentionLayer(channels, heads) for _ in range(decoder_depth)
        )
        self.cross_test = nn.ModuleList(CrossAttentionLayer(channels, heads) for _ in range(decoder_depth))
        self.transformer_self_attention_layers = nn.ModuleList(
            SelfAttentionLayer(channels, heads) for _ in range(decoder_depth)
        )
        self.transformer_ffn_layers = nn.ModuleList(
            FeedForwardLayer(channels, feedforward) for _ in range(decoder_depth)
        )
        self.cross_motion = CrossAttentionLayer(channels, heads)
        self.vita_mask_features = nn.Conv2d(channels, channels, 1)
        self.decoder_norm = nn.LayerNorm(channels)
        self.query_feat = nn.Embedding(queries, channels)
        self.query_embed = nn.Embedding(queries, channels)
        self.fq_pos = nn.Embedding(frame_queries, channels)
        self.input_proj_dec = nn.Linear(channels, channels)
        self.class_embed = nn.Linear(channels, 2)
        self.mask_embed = Mlp(channels, channels, channels, channels)
        # Projections of the losses: in the published file, not used to predict.
        self.contrastive_embed = Mlp(channels, channels, channels, channels)
        self.sim_embed_frame = nn.Linear(channels, channels)
        self.sim_embed_clip = nn.Linear(channels, channels)

    def forward(self, frame_queries: Tensor, sentence: Sentence) -> tuple[Tensor, Tensor]:
        """Find the trajectories that the sentence speaks of.

        Args:
            frame_queries: ``(t, q, c)``, all frames of the video.
            sentence: The sentence.

        Returns:
            Logits ``(k, 2)``, the first of target, the last of no target, and mask embeddings ``(k, c)``.
        """
        memory = self.encode(frame_queries[None], sentence.motion, shifting=True)
        *_, queries = self.layer_queries(memory, sentence)
        return self.class_embed(queries)[0], self.mask_embed(queries)[0]

    def encode(self, frame_queries: Tensor, motion: Tensor, *, shifting: bool) -> Tensor:
        """Let frame queries see those of nearby frames and the motion words.

        Args:
            frame_queries: ``(g, t, q, c)``, g clips of t frames.
            motion: ``(m, c)``, the motion words and the sentence.
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
        layers = zip(self.enc_self_attn, self.hierarchical_cross, self.enc_ffn, strict=True)
        for index, (attend, follow, feed) in enumerate(layers):
            shifted = shifting and index % 2 == 1
            cut = attend(windows.split(x, shifted=shifted), bias=bias[shifted])
            cut = follow(cut.unflatten(1, (self.window, count)), motion).flatten(1, 2)
            x = windows.join(feed(cut), shifted=shifted)
        return x.unflatten(0, (clips, -1))[:, :frames]

    def layer_queries(self, memory: Tensor, sentence: Sentence) -> Iterator[Tensor]:
        """Yield the normalized trajectory queries ``(g, k, c)`` of every layer; memory from ``encode``."""
        place = self.fq_pos.weight.repeat(memory.shape[1], 1)
        position = self.query_embed.weight
        learned = self.query_feat.weight[None]
        x = learned + MOTION_SHARE * self.cross_motion(learned, sentence.motion[None])
        x = x.expand(len(memory), -1, -1)
        memory, words = memory.flatten(1, 2), sentence.tokens
        layers = zip(
            self.fusion_layers,
            self.transformer_cross_attention_layers,
            self.cross_test,
            self.transformer_self_attention_layers,
            self.transformer_ffn_layers,
            strict=True,
        )
        for fuse, cross, listen, attend, feed in layers:
            memory, words = fuse(memory, words, sentence.padding)
            x = cross(x, memory, position=position, memory_position=place)
            x = listen(x, words, blocked=sentence.padding[:, None, None])
            x = feed(attend(x, position))
            yield self.decoder_norm(x)
