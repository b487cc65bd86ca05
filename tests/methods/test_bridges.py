"""A method of one task answers another through the paper's bridges."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.methods import speech_recognition as transcripts
from mevis_bench.methods.bridges import (
    Bridge,
    MasksToTracks,
    SpeechToText,
    apply_bridge,
    choose_bridge,
    derived_tasks,
)
from mevis_bench.methods.speech_recognition import Transcripts, find_asr_model, read_waveform, word_error_rate
from mevis_bench.records import (
    CaptionPrediction,
    DataError,
    MaskPrediction,
    MethodError,
    MissingWeightsError,
    PointPrediction,
    SpeechPrompt,
    TextPrompt,
    UsageError,
    Video,
)
from mevis_bench.schemas.json_files import read_json_file
from mevis_bench.schemas.method_file import VariantSpec
from mevis_bench.schemas.transcripts import TranscriptReport

MASKS = VariantSpec("t", ("rvos",), ("masks",), "n")
VIDEO = Video("v", ("0", "1"), (Path("0"), Path("1")), 4, 5)


class Fake:
    """A fake method: answers with what it is given, and remembers its prompts."""

    def __init__(self, *answers) -> None:
        self.answers = answers
        self.prompts: list[object] = []
        self.closed = False

    def predict(self, video, prompts):
        self.prompts.extend(prompts)
        return iter(self.answers)

    def close(self) -> None:
        self.closed = True


def test_which_tasks_are_derived() -> None:
    assert derived_tasks(MASKS) == ("avos", "rmot")
    assert derived_tasks(dataclasses.replace(MASKS, tasks=("rvos", "avos"))) == ("rmot",)
    assert derived_tasks(dataclasses.replace(MASKS, tasks=("rmot",), outputs=("tracks",))) == ()
    assert derived_tasks(dataclasses.replace(MASKS, tasks=("rmeg",), outputs=("captions",))) == ()


def test_which_bridge_is_taken() -> None:
    assert choose_bridge(MASKS, "m", "rvos", None) is None
    assert choose_bridge(MASKS, "m", "avos", None) == "speech_to_text"
    assert choose_bridge(MASKS, "m", "avos", "oracle_text") == "oracle_text"
    assert choose_bridge(MASKS, "m", "rmot", None) == "masks_to_tracks"
    assert choose_bridge(dataclasses.replace(MASKS, tasks=("rvos", "avos")), "m", "avos", None) is None


@pytest.mark.parametrize(
    ("tasks", "task", "requested", "message"),
    [
        (("rvos",), "rmeg", None, "m does not support rmeg, only rvos\nSee mevis-bench list methods --task rmeg"),
        (("rvos",), "rvos", "oracle_text", "--bridge: the bridge oracle_text leads to avos, not to rvos"),
        (("rmot",), "avos", "oracle_text", "the bridge oracle_text starts from rvos, which m does not support"),
        (("rvos",), "avos", "oracle", "--bridge: unknown bridge 'oracle'\nDid you mean 'oracle_text'?"),
    ],
)
def test_wrong_bridges(tasks, task: str, requested: str | None, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose_bridge(dataclasses.replace(MASKS, tasks=tasks), "m", task, requested)
    assert str(caught.value).startswith(message)


def test_every_object_becomes_a_track_of_tight_half_open_boxes() -> None:
    one, other = np.zeros((2, 4, 5), bool), np.zeros((2, 4, 5), bool)
    one[0, 1:3, 2:5] = True
    one[1, 3, 0] = True
    other[1, 0, 4] = True
    inner = Fake(
        MaskPrediction(one | other, (one, other)), MaskPrediction(one | other), MaskPrediction(one & other, ())
    )
    bridged = MasksToTracks(inner)
    apart, together, nothing = bridged.predict(VIDEO, [])
    assert apart.frames.tolist() == [0, 1, 1]
    assert apart.ids.tolist() == [0, 0, 1]
    assert apart.boxes.tolist() == [[2, 1, 5, 3], [0, 3, 1, 4], [4, 0, 5, 1]]
    assert together.ids.tolist() == [0, 0]
    assert together.boxes.tolist() == [[2, 1, 5, 3], [0, 0, 5, 4]]
    assert len(nothing.frames) == 0
    bridged.close()
    assert inner.closed


def test_masks_to_tracks_refuses_words() -> None:
    with pytest.raises(
        MethodError,
        match="invalid prediction for rvos: expected MaskPrediction or PointPrediction, got CaptionPrediction",
    ):
        list(MasksToTracks(Fake(CaptionPrediction(""))).predict(VIDEO, []))


def test_masks_to_tracks_refuses_points() -> None:
    points = PointPrediction.from_points({0: {"a": (1.0, 2.0)}})
    with pytest.raises(MethodError, match="masks_to_tracks: expected masks, got PointPrediction"):
        list(MasksToTracks(Fake(points)).predict(VIDEO, []))


def test_a_text_method_gets_the_transcripts() -> None:
    inner = Fake()
    bridged = SpeechToText(inner, lambda audio: f"heard in {audio.name}")
    list(bridged.predict(VIDEO, [SpeechPrompt("3", Path("a/x.wav")), SpeechPrompt("4", Path("y.ogg"))]))
    assert inner.prompts == [TextPrompt("3", "heard in x.wav"), TextPrompt("4", "heard in y.ogg")]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    import soundfile

    path = tmp_path / "tone.wav"
    samples = np.sin(np.arange(22050) * 2 * np.pi * 440 / 22050).astype(np.float32)
    soundfile.write(path, np.stack([samples, samples], axis=1) / 2, 22050)
    return path


def test_a_sound_file_is_transcribed_once_per_recognizer(tmp_path: Path, sound: Path, monkeypatch) -> None:
    lengths: list[int] = []

    def load(weights: Path, device: str):
        return lambda waveform: lengths.append(len(waveform)) or f"  {weights.name} heard it "

    monkeypatch.setattr(transcripts, "_load", load)
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).write_text(name)
    first = Transcripts(tmp_path / "a.pt", tmp_path / "kept", "cpu")
    assert first.cached(sound) is None
    assert first(sound) == first(sound) == first.cached(sound) == "a.pt heard it"
    assert lengths == [16000]
    again = apply_bridge(Fake(), Bridge("speech_to_text", tmp_path / "a.pt", tmp_path / "kept"), "cpu")
    list(again.predict(VIDEO, [SpeechPrompt("0", sound)]))
    assert again.inner.prompts == [TextPrompt("0", "a.pt heard it")]
    assert lengths == [16000]
    assert Transcripts(tmp_path / "b.pt", tmp_path / "kept", "cpu")(sound) == "b.pt heard it"
    assert lengths == [16000, 16000]


@pytest.mark.parametrize("content", ['{"text": 3}', "{}", '{"text": "it", "more": 1}', '{"text": "it"', ""])
def test_a_damaged_transcript_is_made_again(tmp_path: Path, sound: Path, monkeypatch, content: str) -> None:
    monkeypatch.setattr(transcripts, "_load", lambda weights, device: lambda waveform: "a Möwe")
    (tmp_path / "a.pt").write_text("a")
    recognizer = Transcripts(tmp_path / "a.pt", tmp_path / "kept", "cpu")
    assert recognizer(sound) == "a Möwe"
    (path,) = (tmp_path / "kept").rglob("*.json")
    written = path.read_bytes()
    assert written == '{"text": "a Möwe"}\n'.encode()
    path.write_text(content)
    assert recognizer.cached(sound) is None
    assert recognizer(sound) == "a Möwe"
    assert path.read_bytes() == written


def test_waveforms_are_mono_at_16_kilohertz(sound: Path) -> None:
    waveform = read_waveform(sound)
    assert waveform.dtype == np.float32
    assert len(waveform) == 16000
    spectrum = np.abs(np.fft.rfft(waveform))
    assert spectrum.argmax() == 440
    assert np.abs(waveform[1000:-1000]).max() == pytest.approx(0.5, abs=0.01)


def test_invalid_sound_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("no sound")
    with pytest.raises(DataError, match=r"x\.wav: cannot read sound: "):
        read_waveform(tmp_path / "x.wav")
    (tmp_path / "w.pt").write_text("")
    with pytest.raises(DataError, match=r"none\.wav: cannot read sound: No such file"):
        Transcripts(tmp_path / "w.pt", tmp_path / "kept", "cpu")(tmp_path / "none.wav")


def test_a_missing_recognizer_is_reported_with_its_source(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    with pytest.raises(MissingWeightsError) as caught:
        find_asr_model("base", tmp_path / "store")
    assert str(caught.value) == (
        "the speech recognizer 'whisper base' is not on this machine\n"
        "From:    https://github.com/openai/whisper (license: MIT): whisper.load_model downloads it;\n"
        "         or a transformers folder such as openai/whisper-base from Hugging Face\n"
        f"Put to:  {tmp_path}/store/whisper/base.pt or {tmp_path}/store/whisper/base/\n"
        "Or name a file or folder: --asr-model PATH\n"
        "The written sentence instead, as an oracle: --bridge oracle_text"
    )
    stored = tmp_path / "store" / "whisper" / "base.pt"
    stored.parent.mkdir(parents=True)
    stored.touch()
    assert find_asr_model("base", tmp_path / "store") == stored
    assert find_asr_model(str(stored), tmp_path) == stored


@pytest.mark.parametrize(
    ("pairs", "rate"),
    [
        ([("The bird flies", "the bird, flies!")], 0.0),
        ([("a b c d", "a x c")], 0.5),
        ([("a b", ""), ("c d", "c d")], 0.5),
        ([("a", "a b c")], 2.0),
        ([("it's", "its")], 1.0),
        ([("it's two colours", "it is 2 colors")], 0.0),
        ([("a b", "a b"), ("", "c")], 0.5),
        ([], None),
        ([("", "a")], None),
    ],
)
def test_word_error_rate(pairs, rate: float | None) -> None:
    assert word_error_rate(pairs) == rate


def test_a_package_that_is_not_installed_is_reported(tmp_path: Path, sound: Path, monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "whisper", None)
    (tmp_path / "w.pt").touch()
    with pytest.raises(MethodError, match=r"speech needs the package 'whisper', which is not installed\npip install"):
        Transcripts(tmp_path / "w.pt", tmp_path / "kept", "cpu")(sound)


def test_a_run_over_the_bridge_writes_sentences_and_transcripts(tmp_path: Path, monkeypatch, capsys) -> None:
    from mevis_bench.cli.app import main

    monkeypatch.setattr(transcripts, "_load", lambda weights, device: lambda waveform: "something else")
    monkeypatch.setattr("mevis_bench.runs.plan.transcripts_folder", lambda: tmp_path / "kept")
    (tmp_path / "w.pt").touch()
    words = ["run", "--task", "avos", "--method", "moving_region", "--bridge", "speech_to_text"]
    words += ["--asr-model", str(tmp_path / "w.pt"), "--limit", "2", "--out", str(tmp_path / "run")]
    assert main(words) == 0
    output = capsys.readouterr()
    assert "speech recognition: word error rate 100.0 %" in output.err
    assert "moving_region:default via speech_to_text" in output.out
    report = read_json_file(tmp_path / "run" / "transcripts.json", TranscriptReport)
    assert report.word_error_rate == 1.0
    assert len(report.samples) == 2
    assert {sample.transcript for sample in report.samples.values()} == {"something else"}
    assert main([*words[:5], "--bridge", "oracle_text", "--limit", "1", "--out", str(tmp_path / "o"), "--json"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert results["method"]["bridge"] == "oracle_text"
    assert results["task"] == "avos"
