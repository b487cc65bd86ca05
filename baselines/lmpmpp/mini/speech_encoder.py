"""Speech branch of the mini variant: a small recurrent encoder on log-mel bands, trained here and then frozen.

It stands where ImageBind's audio trunk stands in the paper (``baselines.layers.nn.imagebind_audio``), and never sees
the text. Axes: n utterances, l steps of 10 ms, f bands, c channels.
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
"""Neighbouring pairs of ImageBind's bands are averaged."""

SPREAD = 4.0
"""About the standard deviation of log energies in speech."""


def speech_bands(path: Path) -> Tensor:
    """Read a sound file as log-mel bands ``(l, f)``, every band's mean over the utterance taken off.

    Raises:
        DataError: The file is missing or no sound file.
    """
    waveform = torch.from_numpy(read_audio(path, RATE))
    waveform = F.pad(waveform, (0, max(0, WINDOW - len(waveform))))
    bands = log_mel(waveform).T.unflatten(1, (BANDS, -1)).mean(-1)
    return (bands - bands.mean(0)) / SPREAD


def pad(utterances: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack utterances ``(l_i, f)``: ``(n, l, f)``, 0 behind the end, and their lengths, int64 ``(n,)``."""
    lengths = torch.tensor([len(bands) for bands in utterances])
    return nn.utils.rnn.pad_sequence(list(utterances), batch_first=True), lengths


class SpeechEncoder(nn.Module):
    """Three convolutions, each halving time, and a bidirectional GRU; pooled as sentences are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, channels, kernel_size=5, stride=2, padding=2) for width in (BANDS, channels, channels)
        )
        self.gru = nn.GRU(channels, channels, num_layers=2, dropout=DROPOUT, batch_first=True, bidirectional=True)
        self.pooling = Pooling(2 * channels, channels)

    def forward(self, bands: Tensor, lengths: Tensor) -> Tensor:
        """Encode padded utterances ``(n, l, f)`` of ``lengths`` ``(n,)``: ``(n, c)``."""
        states, lengths = self.states(bands, lengths)
        return self.pooling(states, behind(lengths, states.shape[1]))

    def states(self, bands: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """States every 80 ms, ``(n, l / 8, 2 c)``, and how many count, int64 ``(n,)``."""
        x = bands.transpose(1, 2)
        for convolution in self.convolutions:
            lengths = (lengths + 1) // 2
            x = F.gelu(convolution(x))
            x = x.masked_fill(behind(lengths, x.shape[2])[:, None], 0.0)
        return run_gru(self.gru, x.transpose(1, 2), lengths), lengths


def behind(lengths: Tensor, longest: int) -> Tensor:
    """Tell which of ``longest`` steps lie behind the end: bool ``(n, longest)``."""
    return torch.arange(longest, device=lengths.device) >= lengths[:, None]
