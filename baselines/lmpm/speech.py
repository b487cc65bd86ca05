"""LMPM's ears for the row "LMPM Audio" of the MeViSv2 paper (Table 11): Whisper's features in RoBERTa's place.

The paper says no more than that, and no weights were published. Ours: Whisper-base's encoder, frozen; the frames that
the speech covers averaged to at most 40 "words"; one linear layer to the width of RoBERTa's words; their mean through a
tanh layer, as RoBERTa's pooler has it, for the sentence. Axes: s encoder frames of 20 ms, n words.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import WhisperConfig, WhisperFeatureExtractor
from transformers.models.whisper.modeling_whisper import WhisperEncoder

RATE = 16000
"""Samples a second that Whisper hears."""
WORDS = 40
"""Most words of a sentence, as in the text branch."""
SAMPLES_PER_STATE = 320


def whisper_base_config() -> WhisperConfig:
    """Sizes of the encoder of Whisper-base."""
    return WhisperConfig(
        d_model=512, encoder_layers=6, encoder_attention_heads=8, encoder_ffn_dim=2048, num_mel_bins=80
    )


class SpeechEncoder(nn.Module):
    """Speech to words and a sentence feature, as wide as RoBERTa's."""

    def __init__(self, config: WhisperConfig | None = None, width: int = 768) -> None:
        super().__init__()
        config = whisper_base_config() if config is None else config
        self.whisper = WhisperEncoder(config).requires_grad_(False)
        self.to_words = nn.Linear(config.d_model, width)
        self.pooler = nn.Linear(width, width)
        self._features = WhisperFeatureExtractor(feature_size=config.num_mel_bins)

    def forward(self, waveform: NDArray[np.float32]) -> tuple[Tensor, Tensor]:
        """Hear a sentence; what lies behind the first 30 seconds is not heard.

        Args:
            waveform: ``(samples,)`` at 16 kHz, at least one sample.

        Returns:
            Words ``(1, n, 768)``, n at most 40, and the sentence ``(1, 768)``.
        """
        mel = self._features(waveform, sampling_rate=RATE, return_tensors="pt").input_features
        states = self.whisper(mel.to(self.to_words.weight.device)).last_hidden_state
        spoken = min(states.shape[1], -(-len(waveform) // SAMPLES_PER_STATE))
        states = F.adaptive_avg_pool1d(states[:, :spoken].transpose(1, 2), min(WORDS, spoken)).transpose(1, 2)
        words = self.to_words(states)
        return words, torch.tanh(self.pooler(words.mean(1)))
