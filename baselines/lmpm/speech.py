"""Speech encoder of the row "LMPM Audio" of the MeViSv2 paper (Table 11): Whisper's features in RoBERTa's place.

The paper gives no details and no weights were published. Our design: Whisper-base's encoder, frozen; the states that
the speech covers are averaged to at most 40 "words"; a linear layer maps them to the width of RoBERTa's words; their
mean through a tanh layer, as in RoBERTa's pooler, is the sentence. Axes: s encoder states of 20 ms, n words.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

RATE = 16000
"""Sampling rate of Whisper's input, in Hz."""
MAX_WORDS = 40
"""Upper bound of n, the token limit of the text branch."""
SAMPLES_PER_STATE = 320


class SpeechEncoder(nn.Module):
    """Encoder from speech to words and a sentence feature.

    Args:
        config: Sizes of Whisper's encoder.
        width: Channels of words and sentence, RoBERTa's.
    """

    def __init__(self, config: WhisperConfig, width: int = 768) -> None:
        super().__init__()
        self.whisper = WhisperEncoder(config).requires_grad_(False)
        self.to_words = nn.Linear(config.d_model, width)
        self.pooler = nn.Linear(width, width)
        self._features = WhisperFeatureExtractor(feature_size=config.num_mel_bins)

    def forward(self, waveform: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Encode an utterance; audio after the first 30 seconds is ignored.

        Args:
            waveform: ``(samples,)`` at 16 kHz, at least one sample.

        Returns:
            Words ``(1, n, width)``, n at most 40, and the sentence ``(1, width)``.
        """
        with torch.autocast("cpu", enabled=False):  # the mel spectrogram is computed on the CPU
            mel = self._features(waveform, sampling_rate=RATE, return_tensors="pt").input_features
        states = self.whisper(mel.to(self.to_words.weight.device)).last_hidden_state
        covered = min(states.shape[1], -(-len(waveform) // SAMPLES_PER_STATE))
        states = F.adaptive_avg_pool1d(states[:, :covered].transpose(1, 2), min(MAX_WORDS, covered)).transpose(1, 2)
        words = self.to_words(states)
        return words, torch.tanh(self.pooler(words.mean(1)))


def load_whisper(encoder: WhisperEncoder, path: Path) -> None:
    """Load the encoder from ``model.safetensors`` of huggingface.co/openai/whisper-base.

    Raises:
        DataError: The file is not Whisper-base's.
    """
    prefix = "model.encoder."
    tensors = {key.removeprefix(prefix): value for key, value in read_tensors(path).items() if key.startswith(prefix)}
    encoder.load_state_dict(match_keys(tensors, encoder, location=str(path)))
