"""Change the rate of a waveform by band-limited interpolation with a Hann-windowed sinc.

The rule of torchaudio's ``resample`` with its defaults, which the authors' audio pipelines use.
"""

from math import ceil, gcd

import torch
import torch.nn.functional as F
from torch import Tensor

ZERO_CROSSINGS = 6
ROLLOFF = 0.99  # the cut-off as a share of the lower Nyquist frequency


def resample(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """Resample a waveform.

    Args:
        waveform: float32 ``(n,)``.
        rate: Rate of ``waveform``, in Hz.
        new_rate: Rate of the output, in Hz.

    Returns:
        float32 ``(ceil(n * new_rate / rate),)``; ``waveform`` itself where the rates are equal.
    """
    if rate == new_rate:
        return waveform
    divisor = gcd(rate, new_rate)
    old, new = rate // divisor, new_rate // divisor
    kernels, width = _kernels(old, new)
    padded = F.pad(waveform[None, None], (width, width + old))
    phases = F.conv1d(padded, kernels[:, None].to(waveform), stride=old)  # (1, new, steps)
    return phases[0].T.flatten()[: ceil(new * len(waveform) / old)]


def _kernels(old: int, new: int) -> tuple[Tensor, int]:
    """One filter for each of the ``new`` output phases of a period of ``old`` inputs: ``(new, old + 2 * width)``."""
    cutoff = min(old, new) * ROLLOFF
    width = ceil(ZERO_CROSSINGS * old / cutoff)
    # In float32 as the original computes it: in float64 the result differs by up to 1e-5.
    taps = torch.arange(-width, width + old, dtype=torch.float32) / old
    phases = torch.arange(0, -new, -1, dtype=torch.float32)[:, None] / new
    time = ((taps + phases) * cutoff).clamp(-ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = torch.cos(time * torch.pi / ZERO_CROSSINGS / 2) ** 2
    return torch.sinc(time) * window * (cutoff / old), width
