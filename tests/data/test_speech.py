"""Speech synthesis with the installed voices; a missing program is one clear error."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mevis_bench.data.synthetic import make_mini
from mevis_bench.data.synthetic.speech import RATE, VOICES, Utterance, synthesize
from mevis_bench.records import UsageError

needs_voices = pytest.mark.skipif(
    shutil.which("flite") is None or shutil.which("festival") is None, reason="flite or festival is not installed"
)


@needs_voices
def test_every_voice_speaks_in_its_own_way(tmp_path: Path) -> None:
    text = 'The "bird" that moves left, and $(then) -o up'
    synthesize([Utterance(text, voice, tmp_path / "deep" / f"{voice}.ogg") for voice in VOICES])
    spoken = [soundfile.read(tmp_path / "deep" / f"{voice}.ogg") for voice in VOICES]
    assert all(rate == RATE and len(samples) > RATE for samples, rate in spoken)
    assert all(np.sqrt(np.mean(samples**2)) > 0.01 for samples, _ in spoken)
    assert len({len(samples) for samples, _ in spoken}) == len(VOICES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep"]


@needs_voices
def test_a_split_can_have_one_voice_per_sentence(tmp_path: Path) -> None:
    root = make_mini("train", 1, 4, tmp_path, "one")
    entries = json.loads((root / "meta_expressions.json").read_text())["videos"]["00000"]["expressions"]
    for turn, (number, entry) in enumerate(entries.items()):
        voice = VOICES[turn % len(VOICES)]
        assert entry["audio"] == f"audio/00000/{number}.{voice}.ogg"
        assert (root / entry["audio"]).is_file()
    assert len(list(root.rglob("*.ogg"))) == len(entries)


@needs_voices
def test_some_videos_can_have_speech(tmp_path: Path) -> None:
    root = make_mini("train", 2, 4, tmp_path, "one", spoken_videos=1)
    videos = json.loads((root / "meta_expressions.json").read_text())["videos"]
    assert all("audio" in entry for entry in videos["00000"]["expressions"].values())
    assert not any("audio" in entry for entry in videos["00001"]["expressions"].values())


def test_a_missing_program_is_an_error_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        make_mini("train", 1, 0, tmp_path / "out", "one")
    assert str(caught.value) == (
        "speech synthesis requires festival, which is not installed\n"
        "On Debian and Ubuntu: apt-get install flite festival festvox-us-slt-hts"
    )
    assert not (tmp_path / "out").exists()
