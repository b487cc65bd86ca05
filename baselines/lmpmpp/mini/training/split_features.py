"""A split as the stages of the mini training need it, from frames to encoded sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.training.stage_alignment import encode_sentences
from baselines.lmpmpp.mini.training.stage_speech import SpeechCache, encode_speech_split, open_speech_cache
from baselines.lmpmpp.mini.training.track_cache import TrackCache, open_track_cache
from baselines.lmpmpp.mini.training.training_cache import TrainingCache, open_cache
from baselines.lmpmpp.prompt import Modality
from mevis_bench.records import TrainingArguments, TrainingData


@dataclass(frozen=True, slots=True)
class EncodedSplit:
    """Frozen prompt features of a split.

    Attributes:
        features: ``text`` and ``audio`` features of all n sentences, ``(n, c)``.
        has_speech: bool ``(n,)``; the ``audio`` features of the other sentences are 0.
    """

    features: Mapping[Modality, Tensor]
    has_speech: Tensor


class SplitFeatures:
    """A split and what the trained stages make of it; each property is computed on first use and cached.

    Args:
        name: Prefix of its files in ``<args.out>/cache``.
        data: The split.
        model: The model in training. ``tracks`` needs stage 1 to be finished, ``encoded`` stages 3 and 4.
        tokenizer: Of the sentences.
        args: Of the training.
        speech: Whether speech is used where the split has it.
    """

    def __init__(
        self,
        name: str,
        data: TrainingData,
        model: MiniLMPMpp,
        tokenizer: WordTokenizer,
        args: TrainingArguments,
        *,
        speech: bool,
    ) -> None:
        self.name, self.data, self.model, self.tokenizer, self.args = name, data, model, tokenizer, args
        self.use_speech = speech
        self.folder = args.out / "cache"

    @cached_property
    def frames(self) -> TrainingCache:
        """Frames and label maps."""
        return open_cache(self.data, MINI.extractor, self.folder / self.name)

    @cached_property
    def tracks(self) -> TrackCache:
        """Tracks of the trained extractor."""

        def report(done: int, total: int) -> None:
            if done % 50 == 0 or done == total:
                self.args.progress(f"tracks of {self.name}", done, total, {})

        path = self.folder / f"{self.name}_tracks.safetensors"
        return open_track_cache(self.model.extractor, self.frames, MINI.trajectory, path, self.args.device, report)

    @cached_property
    def words(self) -> Tensor:
        """Word ids of all sentences, int64 ``(n, l)``."""
        return self.tokenizer(self.tracks.texts).to(self.args.device)

    @cached_property
    def speech(self) -> SpeechCache:
        """Speech of the split; empty if it has none."""
        if not self.use_speech:
            return SpeechCache.empty()
        return open_speech_cache(self.data, self.frames, self.folder / f"{self.name}_speech.safetensors")

    @cached_property
    def encoded(self) -> EncodedSplit:
        """Features of the frozen text and speech encoders."""
        text = encode_sentences(self.model.sentences.eval(), self.words)
        num_sentences = len(self.tracks.texts)
        audio, has_speech = encode_speech_split(self.model.speech, self.speech, num_sentences, self.args.device)
        return EncodedSplit({"text": text, "audio": audio}, has_speech)
