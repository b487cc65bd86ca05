"""DsHmp's clip module on the tracks of the common start of the mini variants.

DsHmp itself guides the frame decoder by the static words. Here a video is encoded once for all sentences, and the words
meet it in the clip module only. Axes: t frames, k tracks, s sentences, n words, m motion words, q trajectory queries, c
channels, a channels of the aligned space.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.decoders import ClipModule
from baselines.dshmp.sentence import DecoupledSentence
from baselines.dshmp.word_split import split_tokens
from baselines.layers.inputs.word_tagger import Tagger
from baselines.layers.nn.text_encoder import FeatureResizer, Tokens
from baselines.lmpmpp.mini.common_start import AlignedTokens, CommonStart, TrackedVideo
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.sentence_encoder import UNKNOWN, word_spans
from mevis_bench.records import Prompt, TextPrompt


@dataclass(frozen=True, slots=True, eq=False)
class ReadSentences:
    """Sentences by the frozen encoder.

    Attributes:
        features: ``(s, a)``.
        states: Of the words ``(s, n, 2 a)``.
        padding: bool ``(s, n)``, ``True`` on padding.
        motion: Places of the motion words, then n for the whole sentence, then -1: int64 ``(s, m + 1)``.
    """

    features: Tensor
    states: Tensor
    padding: Tensor
    motion: Tensor

    def split(self, counts: Sequence[int]) -> "list[ReadSentences]":
        """Cut into consecutive parts."""
        parts = zip(
            *(x.split(list(counts)) for x in (self.features, self.states, self.padding, self.motion)), strict=True
        )
        return [ReadSentences(*part) for part in parts]


class TrackDsHmp(nn.Module):
    """Clip module, alignment of its tokens, and projections of words and sentences; all that DsHmp mini learns.

    Args:
        config: Sizes of the clip module; channels and frame queries are the common start's.
        tagger: Finds the motion words.
    """

    def __init__(self, config: DsHmpConfig, tagger: Tagger) -> None:
        super().__init__()
        channels, text = MINI.extractor.channels, MINI.language.text_channels
        clip = replace(config.clip, channels=channels, frame_queries=MINI.trajectory.tracks)
        self.vita_module = ClipModule(clip, config.fusion)
        self.alignment = AlignedTokens()
        self.resizer = FeatureResizer(text, channels)
        self.word_resizer = FeatureResizer(2 * text, channels)
        self._tagger = tagger

    def read(self, start: CommonStart, prompts: Sequence[Prompt]) -> ReadSentences:
        """Encode prompts by the frozen parts, and find their motion words."""
        texts = []
        for prompt in prompts:
            assert isinstance(prompt, TextPrompt)
            texts.append(prompt.text.lower())
        states, padding, features = start.encode_words(texts)
        length = states.shape[1]
        motion = [[*motion_words(text, self._tagger, length), length] for text in texts]
        places = [torch.tensor(row, device=states.device) for row in motion]
        return ReadSentences(
            features, states, padding, nn.utils.rnn.pad_sequence(places, batch_first=True, padding_value=-1)
        )

    def encode(self, video: TrackedVideo, read: ReadSentences) -> tuple[Tensor, DecoupledSentence]:
        """Encode the tracks for sentences: tokens ``(s, t, k, c)``, and the sentences as DsHmp reads them."""
        tokens, feature = self.word_resizer(read.states), self.resizer(read.features)
        words = torch.cat((tokens, feature[:, None]), dim=1)
        none = read.motion < 0
        motion = words.gather(1, read.motion.clamp(min=0)[..., None].expand(-1, -1, words.shape[-1]))
        sentence = DecoupledSentence(
            words=read.states.transpose(1, 2),
            mask=(~read.padding).long(),
            feature=feature,
            tokens=tokens,
            static=feature,
            motion=motion,
            motion_padding=none,
        )
        clips = video.tokens.expand(len(feature), -1, -1, -1)
        encoded = self.vita_module.encode(clips, sentence, shifting=True)
        return self.alignment(encoded, video.aligned, read.features), sentence

    def layers(self, encoded: Tensor, sentence: DecoupledSentence) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield queries ``(s, q, c)``, class logits ``(s, q, 2)`` and mask embeddings ``(s, q, c)`` of every layer."""
        for queries in self.vita_module.layer_queries(encoded, sentence):
            yield queries, self.vita_module.class_logits(queries, sentence), self.vita_module.mask_embed(queries)

    def match(self, video: TrackedVideo, read: ReadSentences) -> tuple[Tensor, Tensor]:
        """Match a video with sentences: class logits ``(s, q, 2)`` and mask embeddings ``(s, q, c)``."""
        *_, (_, logits, embeddings) = self.layers(*self.encode(video, read))
        return logits, embeddings

    def mask_features(self, fine: Tensor) -> Tensor:
        """Project fine maps ``(n, c, h, w)`` for dot products with mask embeddings, same shape."""
        features: Tensor = self.vita_module.vita_mask_features(fine)
        return features


def motion_words(text: str, tagger: Tagger, length: int) -> list[int]:
    """Places of the motion words among the words of the common start's tokenizer; ``text`` is in lower case."""
    spans = word_spans(text)
    tokens = Tokens((UNKNOWN,) * len(spans), tuple(spans))
    return split_tokens(tokens, tagger.tag(text), length)[1]
