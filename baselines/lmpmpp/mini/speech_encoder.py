"""Speech encoder of the mini variant: a small recurrent encoder on log-mel bands, trained from scratch, then frozen.

It stands in for ImageBind's audio trunk (``encoders.py``) and never sees the text. Axes: n utterances, l time steps of
10 ms, f bands, c channels.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.layers.inputs.audio_file import read_audio
from baselines.layers.inputs.imagebind_mel import MEL_BINS, RATE, WINDOW, log_mel
from baselines.lmpmpp.mini.sentence_encoder import DROPOUT, Pooling, run_gru

BANDS = MEL_BINS // 2
"""Mean of neighboring pairs of ImageBind's bands."""

LOG_ENERGY_STD = 4.0
"""Approximate standard deviation of log energies in speech."""


def speech_bands(path: Path) -> Tensor:
    """Read a sound file as log-mel bands ``(l, f)``, normalized to zero mean per band over the utterance.

    Raises:
        DataError: The file is missing or not a sound file.
    """
    waveform = torch.from_numpy(read_audio(path, RATE))
    waveform = F.pad(waveform, (0, max(0, WINDOW - len(waveform))))
    bands = log_mel(waveform).T.unflatten(1, (BANDS, -1)).mean(-1)
    return (bands - bands.mean(0)) / LOG_ENERGY_STD


def pad(utterances: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack utterances ``(l_i, f)``: ``(n, l, f)``, padded with 0 at the end, and lengths, int64 ``(n,)``."""
    lengths = torch.tensor([len(bands) for bands in utterances])
    return nn.utils.rnn.pad_sequence(list(utterances), batch_first=True), lengths


class SpeechEncoder(nn.Module):
    """Three convolutions of stride 2 and a bidirectional GRU, pooled like sentences."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, channels, kernel_size=5, stride=2, padding=2) for width in (BANDS, channels, channels)
        )
        self.gru = nn.GRU(channels, channels, num_layers=2, dropout=DROPOUT, batch_first=True, bidirectional=True)
        self.pooling = Pooling(2 * channels, channels)

    def forward(self, bands: Tensor, lengths: Tensor) -> Tensor:
        """Encode padded utterances ``(n, l, f)`` of ``lengths`` ``(n,)``: ``(n, c)``."""
        states, lengths = self.encode_frames(bands, lengths)
        return self.pooling(states, padding_mask(lengths, states.shape[1]))

    def encode_frames(self, bands: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """States every 80 ms, ``(n, l / 8, 2 c)``, and their numbers without padding, int64 ``(n,)``."""
        x = bands.transpose(1, 2)
        for convolution in self.convolutions:
            lengths = (lengths + 1) // 2
            x = F.gelu(convolution(x))
            x = x.masked_fill(padding_mask(lengths, x.shape[2])[:, None], 0.0)
        return run_gru(self.gru, x.transpose(1, 2), lengths), lengths


def padding_mask(lengths: Tensor, max_length: int) -> Tensor:
    """Mark the padding of sequences of ``lengths`` ``(n,)``: bool ``(n, max_length)``."""
    return torch.arange(max_length, device=lengths.device) >= lengths[:, None]
