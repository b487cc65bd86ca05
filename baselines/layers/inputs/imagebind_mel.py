"""Waveform to the log-mel clips that ImageBind's audio encoder reads.

Girdhar et al., ImageBind, CVPR 2023, section 3; the filter bank is Kaldi's with a Hann window.
"""

from fractions import Fraction
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor

RATE = 16000
CLIPS = 3
CLIP_SECONDS = 2
MEL_BINS = 128
CLIP_FRAMES = 204
WINDOW = 400  # 25 ms
SHIFT = 160  # 10 ms
FFT = 512
LOW_HZ = 20.0
PRE_EMPHASIS = 0.97
ENERGY_FLOOR = torch.finfo(torch.float32).eps
MEAN, STD = -4.268, 9.138


def clip_times(samples: int) -> list[tuple[Fraction, Fraction]]:
    """Return start and end in seconds of the three clips of two seconds, evenly spread over ``samples`` samples.

    The duration is rounded to a float and only then made a fraction, as the authors' sampler does: an end may
    lie one sample before the true one. A recording under two seconds has the same clip three times.
    """
    latest = Fraction(max(samples / RATE - CLIP_SECONDS, 0.0))
    starts = [latest * index / (CLIPS - 1) for index in range(CLIPS)]
    return [(start, start + CLIP_SECONDS) for start in starts]


def mel_clips(waveform: Tensor) -> Tensor:
    """Turn a recording into normalized log-mel clips.

    The authors subtract each clip's mean in place, and clips overlap: a later clip sees samples already shifted
    by an earlier one. This order is kept, because their weights were trained with it.

    Args:
        waveform: float32 ``(n,)`` at 16 kHz, -1..1, n >= 400 (25 ms).

    Returns:
        float32 ``(3, 1, 128, 204)``: clips, channel, mel bins, steps of 10 ms.
    """
    waveform = waveform.clone()
    clips = []
    for start, end in clip_times(len(waveform)):
        clip = waveform[int(start * RATE) : int(end * RATE)]
        clip -= clip.mean()
        mel = log_mel(clip)
        # Padded with 0 before the normalization, so silence at the end is +0.467, not 0.
        mel = F.pad(mel, (0, max(CLIP_FRAMES - mel.shape[1], 0)))[:, :CLIP_FRAMES]
        clips.append((mel - MEAN) / STD)
    return torch.stack(clips)[:, None]


def log_mel(waveform: Tensor) -> Tensor:
    """Kaldi's log filter bank energies without dither.

    Args:
        waveform: float32 ``(n,)`` at 16 kHz; only whole windows of 400 samples count.

    Returns:
        float32 ``(128, 1 + (n - 400) // 160)``, natural logarithm, at least ln(1.19e-7).
    """
    frames = waveform.unfold(0, WINDOW, SHIFT)
    frames = frames - frames.mean(1, keepdim=True)
    frames = frames - PRE_EMPHASIS * torch.cat((frames[:, :1], frames[:, :-1]), 1)
    frames = frames * torch.hann_window(WINDOW, periodic=False).to(frames)
    power = torch.fft.rfft(frames, FFT).abs() ** 2
    out: Tensor = (power @ _mel_filters().to(power)).clamp(min=ENERGY_FLOOR).log().T
    return out


def _mel_filters() -> Tensor:
    """Triangles linear in mel between 20 Hz and the Nyquist frequency: ``(257, 128)``."""
    hertz = torch.arange(FFT // 2 + 1, dtype=torch.float64) * (RATE / FFT)
    mel = 1127.0 * torch.log1p(hertz / 700.0)
    corners = torch.linspace(
        1127.0 * log(1 + LOW_HZ / 700.0), 1127.0 * log(1 + RATE / 2 / 700.0), MEL_BINS + 2, dtype=torch.float64
    )
    left, center, right = corners[:-2], corners[1:-1], corners[2:]
    rising = (mel[:, None] - left) / (center - left)
    falling = (right - mel[:, None]) / (right - center)
    return torch.minimum(rising, falling).clamp(min=0)
