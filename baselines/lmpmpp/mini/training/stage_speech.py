"""Stage 4: distillation of the frozen text encoder's feature of a sentence into the speech encoder.

All later modules, trained on text features, then accept speech. An auxiliary head, not part of the weights, transcribes
the words from the encoder's states (connectionist temporal classification, Graves et al., ICML 2006), which trains the
encoder much faster than features alone. Axes: n utterances, l time steps, f bands, c channels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from baselines.lmpmpp.mini.sentence_encoder import PADDING
from baselines.lmpmpp.mini.speech_encoder import BANDS, SpeechEncoder, pad, padding_mask, speech_bands
from baselines.lmpmpp.mini.training.training_cache import TrainingCache
from mevis_bench.records import TrainingData

MASKED_BANDS, MASKED_STEPS = 8, 8
"""Maximum number of bands, and of time steps of 10 ms, that are masked (Park et al., SpecAugment)."""

MAX_SPEED_CHANGE = 0.1
"""Maximum relative change of an utterance's speed."""

NOISE = 0.1


@dataclass(frozen=True, slots=True)
class SpeechCache:
    """Speech of a split.

    Attributes:
        bands: Log-mel bands of m utterances, concatenated, float16 ``(l, f)``.
        starts: First time step of each, and the end of the last one, int64 ``(m + 1,)``.
        sentences: Sentence of each in the split, int64 ``(m,)``, increasing.
    """

    bands: Tensor
    starts: Tensor
    sentences: Tensor

    @classmethod
    def empty(cls) -> "SpeechCache":
        """Cache of a split without speech."""
        return cls(torch.zeros(0, BANDS), torch.zeros(1, dtype=torch.long), torch.zeros(0, dtype=torch.long))

    def __len__(self) -> int:
        return len(self.sentences)

    def select(self, indices: Iterable[int]) -> list[Tensor]:
        """Bands ``(l_i, f)`` of some utterances."""
        return [self.bands[self.starts[i] : self.starts[i + 1]].float() for i in indices]


def open_speech_cache(data: TrainingData, cache: TrainingCache, path: Path) -> SpeechCache:
    """Read the log-mel bands of a split's speech; compute them first if ``path`` does not exist.

    Raises:
        DataError: A sound file is missing or invalid.
    """
    if not path.is_file():
        ids = [(video.id, sentence.id) for video in cache.videos for sentence in video.sentences]
        files = [(index, data.audio(*names)) for index, names in enumerate(ids)]
        spoken = [(index, file) for index, file in files if file is not None]
        bands = [speech_bands(file).half() for _, file in spoken]
        starts = np.concatenate(([0], np.cumsum([len(utterance) for utterance in bands])))
        tensors = {
            "bands": torch.cat(bands) if bands else SpeechCache.empty().bands,
            "starts": torch.from_numpy(starts),
            "sentences": torch.tensor([index for index, _ in spoken], dtype=torch.long),
        }
        save_file(tensors, path)
    return SpeechCache(**load_file(path))


class SpeechDistillation(nn.Module):
    """Speech encoder and auxiliary CTC head over ``words`` word ids."""

    def __init__(self, encoder: SpeechEncoder, words: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.ctc_head = nn.Linear(encoder.pooling.attention.in_features, words)


def speech_losses(
    distillation: SpeechDistillation, utterances: Sequence[Tensor], words: Tensor, targets: Tensor
) -> dict[str, Tensor]:
    """Squared distance to the text features, relative to their variance, and CTC loss of the words.

    Args:
        distillation: The trained modules.
        utterances: n utterances, ``(l_i, f)``.
        words: Their word ids ``(n, longest)``, padded with 0.
        targets: Frozen text features of the same sentences, ``(n, c)``.

    Returns:
        ``feature``, ``ctc`` and their sum ``loss``.
    """
    bands, lengths = (x.to(targets.device) for x in pad(utterances))
    states, lengths = distillation.encoder.encode_frames(bands, lengths)
    outputs = distillation.encoder.pooling(states, padding_mask(lengths, states.shape[1]))
    feature = F.mse_loss(outputs, targets) / targets.var()
    log_words = distillation.ctc_head(states).log_softmax(-1).transpose(0, 1)
    ctc = F.ctc_loss(log_words, words, lengths, (words != PADDING).sum(1), blank=PADDING, zero_infinity=True)
    return {"loss": feature + ctc, "feature": feature, "ctc": ctc}


def augment_speech(bands: Tensor, rng: np.random.Generator) -> Tensor:
    """Change the speed of an utterance ``(l, f)``, add noise, and mask some bands and some time steps."""
    length = max(1, round(len(bands) * rng.uniform(1 - MAX_SPEED_CHANGE, 1 + MAX_SPEED_CHANGE)))
    out = F.interpolate(bands.T[None], size=length, mode="linear", align_corners=False)[0].T
    out = out + NOISE * torch.from_numpy(rng.standard_normal(out.shape, dtype=np.float32))
    for axis, max_width in ((0, MASKED_STEPS), (1, MASKED_BANDS)):
        width = int(rng.integers(min(max_width, out.shape[axis]) + 1))
        first = int(rng.integers(out.shape[axis] - width + 1))
        out.narrow(axis, first, width).zero_()
    return out


@torch.no_grad()
def encode_speech_split(
    encoder: SpeechEncoder, cache: SpeechCache, num_sentences: int, device: str
) -> tuple[Tensor, Tensor]:
    """Encode all speech of a split.

    Returns:
        Features ``(num_sentences, c)``, 0 for sentences without speech; and bool ``(num_sentences,)``, with speech.
    """
    encoder.eval()
    features = torch.zeros(num_sentences, encoder.channels, device=device)
    for first in range(0, len(cache), 64):
        part = slice(first, min(first + 64, len(cache)))
        bands, lengths = pad(cache.select(range(part.start, part.stop)))
        features[cache.sentences[part].to(device)] = encoder(bands.to(device), lengths.to(device))
    has_speech = torch.zeros(num_sentences, dtype=torch.bool, device=device)
    has_speech[cache.sentences.to(device)] = True
    return features, has_speech
