"""The 39 speech features against their definition, sum by sum."""

from math import cos, floor, log, log10, pi, sin, sqrt

import numpy as np
import pytest

from baselines.wnet.mfcc import COEFFICIENTS, differences, mel_filters, mfcc, speech_features


def slow_cepstrum(samples: list[float], before: float) -> list[float]:
    """One full window of 400 samples after the sample ``before``, every step spelled out."""
    emphasised = [x - 0.97 * y for x, y in zip(samples, [before, *samples[:-1]], strict=True)]
    power = []
    for k in range(257):
        real = sum(x * cos(2 * pi * k * n / 512) for n, x in enumerate(emphasised))
        imaginary = sum(x * sin(2 * pi * k * n / 512) for n, x in enumerate(emphasised))
        power.append((real**2 + imaginary**2) / 512)
    top = 2595 * log10(1 + 8000 / 700)
    corners = [floor(513 * 700 * (10 ** (top * i / 27 / 2595) - 1) / 16000) for i in range(28)]
    filtered = []
    for left, center, right in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
        total = sum(power[k] * (k - left) / (center - left) for k in range(left, center))
        total += sum(power[k] * (right - k) / (right - center) for k in range(center, right))
        filtered.append(log(total))
    cepstrum = [log(sum(power))]
    for q in range(1, 13):
        total = sum(value * cos(pi * q * (2 * m + 1) / 52) for m, value in enumerate(filtered))
        cepstrum.append(sqrt(2 / 26) * total * (1 + 11 * sin(pi * q / 22)))
    return cepstrum


def test_two_windows_follow_the_definition() -> None:
    waveform = np.random.default_rng(0).normal(0, 0.1, 560).astype(np.float32)
    ours = mfcc(waveform)
    assert ours.shape == (2, COEFFICIENTS)
    samples = (waveform.astype(float) * 32768).tolist()
    assert np.allclose(ours[0], slow_cepstrum(samples[:400], 0.0))
    assert np.allclose(ours[1], slow_cepstrum(samples[160:560], samples[159]))


def test_a_tone_lights_up_the_filter_around_it() -> None:
    tone_bin = round(1000 * 512 / 16000)
    assert mel_filters()[:, tone_bin].argmax() == 9  # 1000 Hz is 1000 mel, of 2840: between corners 9 and 10


def test_differences_of_a_ramp_are_its_slope_and_the_second_ones_zero() -> None:
    ramp = np.arange(20.0)[:, None] * [3.0, -1.0]
    first = differences(ramp)
    assert np.allclose(first[2:-2], [3.0, -1.0])
    assert np.allclose(differences(first)[4:-4], 0)


@pytest.mark.parametrize(("samples", "steps"), [(0, 1), (1, 1), (400, 1), (401, 2), (560, 2), (16000, 99)])
def test_every_recording_gives_at_least_one_step(samples: int, steps: int) -> None:
    features = speech_features(np.zeros(samples, np.float32))
    assert features.shape == (steps, 39)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
