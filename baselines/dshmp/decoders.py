"""DsHmp's decoders: learned queries attend to static or motion words, tokens and words are fused before every layer.

He & Ding, "Decoupling Static and Hierarchical Motion Perception for Referring Video Segmentation" (CVPR 2024), sections
3.2 and 3.3. Axes: g clips, q queries, n words, w frames of a window, c channels.
"""

from torch import Tensor, nn

from baselines.dshmp.config import WordFusionConfig
from baselines.dshmp.motion_attention import MotionAttention
from baselines.dshmp.sentence import DecoupledSentence
from baselines.dshmp.word_fusion import WordFusion
from baselines.layers.nn.clip_query_module import ClipDecoderConfig, ClipQueryModule
from baselines.layers.nn.frame_query_decoder import FrameQueryDecoder
from baselines.layers.nn.masked_attention import CrossAttentionLayer
from baselines.layers.nn.mlp import Mlp
from baselines.layers.nn.query_decoder import DecoderMemory, QueryDecoder, QueryDecoderConfig

WORD_WEIGHT = 0.1
"""Weight of the static or motion words in the initial queries."""


class WordGuidedDecoder(QueryDecoder[DecoupledSentence]):
    """Hooks of both decoders; a subclass calls ``add_word_layers`` after its own constructor."""

    def add_word_layers(self, config: QueryDecoderConfig, fusion: WordFusionConfig) -> None:
        """Add the fusion with the words and the attention to them, one of both per layer, and the learned queries."""
        c = config.channels
        self.fusion_layers = nn.ModuleList(WordFusion(c, fusion) for _ in range(config.depth))
        self.cross_test = nn.ModuleList(CrossAttentionLayer(c, config.heads) for _ in range(config.depth))
        self.query_feat = nn.Embedding(config.queries, c)

    def guided_queries(self, cross_attn: CrossAttentionLayer, words: Tensor, padding: Tensor | None = None) -> Tensor:
        """Initial queries ``(g, q, c)``: learned ones plus their attention to ``words`` ``(g, n, c)``, weighted.

        ``padding`` is ``True`` on words that are none, bool ``(g, n)``.
        """
        learned = self.query_feat.weight.expand(len(words), -1, -1)
        queries: Tensor = learned + WORD_WEIGHT * cross_attn(learned, words, key_padding_mask=padding)
        return queries

    def before_layer(self, index: int, memory: DecoderMemory, sentence: DecoupledSentence) -> DecoderMemory:
        """Fuse the memory's tokens with its words, in the first layer with the sentence's tokens."""
        words = sentence.tokens if memory.words is None else memory.words
        return DecoderMemory(*self.fusion_layers[index](memory.tokens, words, sentence.padding))

    def attend_words(self, index: int, x: Tensor, memory: DecoderMemory, sentence: DecoupledSentence) -> Tensor:
        """Attend from the queries to the fused words."""
        text_cross_attn = self.cross_test[index]
        out: Tensor = text_cross_attn(x, memory.words, key_padding_mask=sentence.padding)
        return out


class FrameDecoder(WordGuidedDecoder, FrameQueryDecoder[DecoupledSentence]):
    """Mask2Former's transformer decoder guided by the static words.

    Every layer fuses the pixel decoder's level with the sentence's tokens; fused levels are not passed on.
    """

    def __init__(self, config: QueryDecoderConfig, fusion: WordFusionConfig) -> None:
        super().__init__(config)
        self.add_word_layers(config, fusion)
        self.cross_static = CrossAttentionLayer(config.channels, config.heads)

    def start_queries(self, sentence: DecoupledSentence) -> Tensor:
        """Initial queries guided by the static words, ``(1, q, c)``."""
        return self.guided_queries(self.cross_static, sentence.static[None])


class ClipModule(WordGuidedDecoder, ClipQueryModule[DecoupledSentence]):
    """Clip module guided by the motion words; every layer passes fused tokens and words on to the next."""

    def __init__(self, config: ClipDecoderConfig, fusion: WordFusionConfig) -> None:
        super().__init__(config)
        self.add_word_layers(config, fusion)
        c = config.channels
        self.hierarchical_cross = nn.ModuleList(MotionAttention(c) for _ in range(config.encoder_depth))
        self.cross_motion = CrossAttentionLayer(c, config.heads, fusion.dropout)
        self.contrastive_embed = Mlp(c, c, c, c)  # projection of the contrastive loss, not used at inference

    def start_queries(self, sentence: DecoupledSentence) -> Tensor:
        """Initial queries guided by the motion words, ``(g, q, c)``."""
        motion = sentence.motion if sentence.motion.ndim == 3 else sentence.motion[None]
        return self.guided_queries(self.cross_motion, motion, sentence.motion_padding)

    def attend_motion(self, index: int, windows: Tensor, sentence: DecoupledSentence) -> Tensor:
        """Attend to the motion words in windows ``(n, w, q, c)``; see ``MotionAttention``."""
        words, padding = sentence.motion, sentence.motion_padding
        if words.ndim == 3:  # windows are clip by clip, and each clip has its own sentence
            count = len(windows) // len(words)
            words = words.repeat_interleave(count, dim=0)
            padding = None if padding is None else padding.repeat_interleave(count, dim=0)
        out: Tensor = self.hierarchical_cross[index](windows, words, padding)
        return out
