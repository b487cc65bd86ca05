"""Sound files become mono waveforms at the wanted rate."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from baselines.layers.inputs.audio_file import read_audio
from mevis_bench.records import DataError
from tests.paths import SHARED


def tone(rate: int, hertz: float = 440.0, seconds: float = 0.5) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


@pytest.mark.parametrize(("suffix", "tolerance"), [("wav", 5e-4), ("flac", 5e-4), ("ogg", 0.05), ("mp3", 0.05)])
@pytest.mark.parametrize("rate", [16000, 22050, 48000])
def test_every_format_at_every_rate_gives_the_same_tone(
    tmp_path: Path, suffix: str, tolerance: float, rate: int
) -> None:
    path = tmp_path / f"tone.{suffix}"
    soundfile.write(path, tone(rate), rate)
    found = read_audio(path, 16000)
    assert found.dtype == np.float32
    assert abs(len(found) - 8000) <= 1
    middle = slice(2000, 6000)
    assert np.abs(found[middle] - tone(16000)[middle]).max() < tolerance


def test_channels_are_averaged(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    left = tone(16000)
    soundfile.write(path, np.stack([left, np.zeros_like(left)], axis=1), 16000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(path, 16000), left / 2, atol=1e-7)


def test_errors_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.wav: cannot read audio: file is missing"):
        read_audio(tmp_path / "gone.wav", 16000)
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(DataError, match=r"text\.wav: cannot read audio: .*Format not recogni[sz]ed"):
        read_audio(tmp_path / "text.wav", 16000)
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16000)
    with pytest.raises(DataError, match=r"empty\.wav: audio file has no samples"):
        read_audio(tmp_path / "empty.wav", 16000)


@pytest.mark.shared
def test_real_speech_of_two_rates() -> None:
    for name, rate in (("e1.flite_slt.wav", 16000), ("e1.festival_slthts.wav", 32000)):
        samples, found = soundfile.read(SHARED / "data/speech" / name)
        assert found == rate
        assert len(read_audio(SHARED / "data/speech" / name, 16000)) == -(-len(samples) * 16000 // rate)
