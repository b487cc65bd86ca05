"""Stage 4: a spoken sentence gets the feature that the frozen text encoder gives to its words.

So everything behind it, trained on text, understands speech. A helper, left out of the weights, spells the words from
the encoder's states (connectionist temporal classification, Graves et al., ICML 2006): it makes the encoder listen for
words, which is learned much faster than features alone. Axes: n utterances, l steps, f bands, c channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from baselines.lmpmpp.mini.sentence_encoder import PADDING
from baselines.lmpmpp.mini.speech_encoder import BANDS, SpeechEncoder, behind, pad, speech_bands
from baselines.lmpmpp.mini.training.training_cache import TrainingCache
from mevis_bench.records import TrainingData

MASKED_BANDS, MASKED_STEPS = 8, 8
"""At most so many bands, and steps of 10 ms, are silenced in one place of an utterance (Park et al., SpecAugment)."""

FASTEST = 0.1
"""An utterance is spoken faster or slower by at most this share."""

NOISE = 0.1


@dataclass(frozen=True, slots=True)
class SpeechCache:
    """The spoken sentences of a split.

    Attributes:
        bands: Log-mel bands of m utterances one after another, float16.
        starts: Where each begins, int64 ``(m + 1,)``, the end of the last one behind them.
        sentences: Which sentence of the split each is, int64 ``(m,)``, increasing.
    """

    bands: Tensor
    starts: Tensor
    sentences: Tensor

    @classmethod
    def nothing(cls) -> "SpeechCache":
        """Of a split that does not speak."""
        return cls(torch.zeros(0, BANDS), torch.zeros(1, dtype=torch.long), torch.zeros(0, dtype=torch.long))

    def __len__(self) -> int:
        return len(self.sentences)

    def of(self, chosen: Sequence[int]) -> list[Tensor]:
        """Bands ``(l_i, f)`` of some utterances."""
        return [self.bands[self.starts[i] : self.starts[i + 1]].float() for i in chosen]


def open_speech_cache(data: TrainingData, cache: TrainingCache, path: Path) -> SpeechCache:
    """Read the log-mel bands of a split's speech, making them first where they are missing.

    Raises:
        DataError: A sound file is missing or can't be read.
    """
    if not path.is_file():
        sentences = [(video.id, sentence.id) for video in cache.videos for sentence in video.sentences]
        files = [(row, data.audio(*names)) for row, names in enumerate(sentences)]
        spoken = [(row, file) for row, file in files if file is not None]
        heard = [speech_bands(file).half() for _, file in spoken]
        starts = np.concatenate(([0], np.cumsum([len(bands) for bands in heard])))
        tensors = {
            "bands": torch.cat(heard) if heard else SpeechCache.nothing().bands,
            "starts": torch.from_numpy(starts),
            "sentences": torch.tensor([row for row, _ in spoken], dtype=torch.long),
        }
        save_file(tensors, path)
    return SpeechCache(**load_file(path))


class SpeechTraining(nn.Module):
    """The encoder, and the helper that spells words from its states."""

    def __init__(self, encoder: SpeechEncoder, words: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.spell = nn.Linear(encoder.pooling.attention.in_features, words)


def speech_losses(training: SpeechTraining, utterances: list[Tensor], words: Tensor, features: Tensor) -> dict:
    """Distance to the text features, in units of their variance, and the cost of spelling the words.

    Args:
        training: Trained here.
        utterances: n of them, ``(l_i, f)``.
        words: What they say, word numbers ``(n, longest)``, 0 behind the end.
        features: Frozen text features of the same sentences, ``(n, c)``.
    """
    bands, lengths = (x.to(features.device) for x in pad(utterances))
    states, lengths = training.encoder.states(bands, lengths)
    said = training.encoder.pooling(states, behind(lengths, states.shape[1]))
    far = F.mse_loss(said, features) / features.var()
    log_words = training.spell(states).log_softmax(-1).transpose(0, 1)
    spelling = F.ctc_loss(log_words, words, lengths, (words != PADDING).sum(1), blank=PADDING, zero_infinity=True)
    return {"loss": far + spelling, "feature": far, "spelling": spelling}


def disturbed(bands: Tensor, rng: np.random.Generator) -> Tensor:
    """Speak an utterance ``(l, f)`` faster or slower, with noise, some bands and a moment silenced."""
    length = max(1, round(len(bands) * rng.uniform(1 - FASTEST, 1 + FASTEST)))
    out = F.interpolate(bands.T[None], size=length, mode="linear", align_corners=False)[0].T
    out = out + NOISE * torch.from_numpy(rng.standard_normal(out.shape, dtype=np.float32))
    for axis, most in ((0, MASKED_STEPS), (1, MASKED_BANDS)):
        width = int(rng.integers(min(most, out.shape[axis]) + 1))
        first = int(rng.integers(out.shape[axis] - width + 1))
        out.narrow(axis, first, width).zero_()
    return out


@torch.no_grad()
def encode_speech_split(
    encoder: SpeechEncoder, cache: SpeechCache, sentences: int, device: str
) -> tuple[Tensor, Tensor]:
    """Encode all speech of a split.

    Returns:
        Features of all its sentences ``(sentences, c)``, 0 where one is not spoken, and which are, bool.
    """
    encoder.eval()
    features = torch.zeros(sentences, encoder.pooling.out[-1].out_features, device=device)
    for first in range(0, len(cache), 64):
        part = slice(first, min(first + 64, len(cache)))
        bands, lengths = pad(cache.of(range(part.start, part.stop)))
        features[cache.sentences[part].to(device)] = encoder(bands.to(device), lengths.to(device))
    spoken = torch.zeros(sentences, dtype=torch.bool, device=device)
    spoken[cache.sentences.to(device)] = True
    return features, spoken
