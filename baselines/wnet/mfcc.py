"""Speech to 39 numbers every 10 ms: 13 mel-frequency cepstral coefficients, their differences, and theirs.

The authors' repository does not hold its recipe. This one is Davis and Mermelstein's (1980) with the settings that
Python's speech tutorials use by default; ``README.md`` describes it and what is unknown.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

RATE = 16000
WINDOW = 400  # 25 ms
SHIFT = 160  # 10 ms
FFT = 512
FILTERS = 26
COEFFICIENTS = 13
LIFTER = 22
PRE_EMPHASIS = 0.97
FULL_SCALE = 32768.0  # energies are those of 16-bit samples
FLOOR = np.finfo(np.float64).eps
REACH = 2  # frames on either side of a difference


def speech_features(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Describe a recording.

    Args:
        waveform: ``(n,)`` at 16 kHz, -1..1; silence of any length, none included, is allowed.

    Returns:
        ``(steps, 39)``: coefficients, first and second differences; one step every 10 ms, at least one.
    """
    coefficients = mfcc(waveform)
    first = differences(coefficients)
    return np.concatenate((coefficients, first, differences(first)), axis=1).astype(np.float32)


def mfcc(waveform: NDArray[np.float32]) -> NDArray[np.float64]:
    """Mel-frequency cepstral coefficients ``(steps, 13)``; the first one is the logarithm of the window's energy."""
    power = _power(waveform.astype(np.float64) * FULL_SCALE)
    energy = np.maximum(power.sum(1), FLOOR)
    filtered = np.log(np.maximum(power @ mel_filters().T, FLOOR))
    cepstrum = dct(filtered, type=2, axis=1, norm="ortho")[:, :COEFFICIENTS]
    cepstrum *= 1 + LIFTER / 2 * np.sin(np.pi * np.arange(COEFFICIENTS) / LIFTER)
    cepstrum[:, 0] = np.log(energy)
    out: NDArray[np.float64] = cepstrum
    return out


def _power(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Power spectrum of windows of 25 ms every 10 ms, the last one filled up with zeros: ``(steps, 257)``."""
    emphasised = samples.copy()
    emphasised[1:] -= PRE_EMPHASIS * samples[:-1]
    steps = 1 + max(-(-(len(samples) - WINDOW) // SHIFT), 0)
    padded = np.zeros((steps - 1) * SHIFT + WINDOW)
    padded[: len(emphasised)] = emphasised
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::SHIFT]
    return np.abs(np.fft.rfft(windows, FFT)) ** 2 / FFT


def mel_filters() -> NDArray[np.float64]:
    """Triangles between whole FFT bins, even in mel from 0 Hz to 8 kHz: ``(26, 257)``."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, FILTERS + 2) / 2595) - 1)
    corners = np.floor((FFT + 1) * hertz / RATE)
    bins = np.arange(FFT // 2 + 1)
    left, center, right = (corners[start : start + FILTERS, None] for start in range(3))
    rising, falling = (bins - left) / (center - left), (right - bins) / (right - center)
    out: NDArray[np.float64] = np.maximum(np.minimum(rising, falling), 0)
    return out


def differences(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope over time by least squares over ``2 * REACH + 1`` steps, the ends repeated; ``(steps, c)`` kept."""
    offsets = np.arange(-REACH, REACH + 1)
    padded = np.pad(features, ((REACH, REACH), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(offsets), axis=0)
    return windows @ offsets / (offsets @ offsets)
