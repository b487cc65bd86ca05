"""Changing the rate of a waveform: the original's numbers, and tones that must survive."""

from pathlib import Path

import pytest
import torch

from baselines.layers.inputs.sinc_resample import resample
from tests.baselines.parity import check_close, load_vectors, parity_files


@pytest.mark.parametrize("path", parity_files("resample"))
def test_parity_resample(path: Path) -> None:
    vectors = load_vectors(path)
    rate, new_rate = (int(part) for part in path.stem.split("_")[2:4])
    assert vectors["in_sample_rate"] == rate
    ours = resample(torch.from_numpy(vectors["in_pcm16"]).float() / 32768, rate, new_rate)
    check_close("out_resampled", ours[None], vectors["out_resampled"], atol=1e-5, rtol=0)


@pytest.mark.parametrize(("rate", "new_rate"), [(44100, 16000), (8000, 16000), (22050, 16000)])
def test_a_tone_keeps_its_pitch_and_loudness(rate: int, new_rate: int) -> None:
    def tone(samples_a_second: int) -> torch.Tensor:
        return torch.sin(2 * torch.pi * 440 * torch.arange(samples_a_second) / samples_a_second)

    ours = resample(tone(rate), rate, new_rate)
    assert ours.shape == (new_rate,)
    assert (ours - tone(new_rate))[100:-100].abs().max() < 5e-3


def test_a_tone_above_the_new_nyquist_frequency_is_gone() -> None:
    high = torch.sin(2 * torch.pi * 10000 * torch.arange(44100) / 44100)
    assert resample(high, 44100, 16000)[100:-100].abs().max() < 1e-2


def test_equal_rates_change_nothing() -> None:
    waveform = torch.arange(5.0)
    assert resample(waveform, 16000, 16000) is waveform
