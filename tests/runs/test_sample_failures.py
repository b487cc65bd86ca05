"""One sample's failure fails that sample alone; leftovers of killed runs and locks are recognized."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import DataError, Expression, Prompt, UsageError
from mevis_bench.store.run_folder import RunFolder
from tests.runs.test_predict import ALL, go, place, predictions
from tests.tiny_split import write_fake_method

__all__ = ["place"]

EAGER = "Fake.predict = lambda self, video, prompts: iter([*lazy(self, video, list(prompts))])\n"
"""The fake method, predicting all prompts before it returns the first prediction."""


def log_prompts(place: Path, act_code: str, eager: bool) -> Path:
    """Write a fake method that appends every prompt it predicts to a file, then runs ``act_code``."""
    log = place / "log"
    code = f"LOG = {str(log)!r}\nlazy = Fake.predict\n" + (EAGER if eager else "")
    code += (
        "def act(setup, video, prompt):\n    with open(LOG, 'a') as file: file.write(f'{video.id}/{prompt.id}\\n')\n"
    )
    write_fake_method(place / "methods", code + act_code)
    return log


@pytest.mark.parametrize("failure", ["raise ValueError('no')", "raise SystemExit(3)"])
@pytest.mark.parametrize("sample", ["va/0", "va/1", "va/2"])
def test_an_exception_fails_its_sample_alone_and_no_prompt_is_predicted_twice(
    place: Path, sample: str, failure: str
) -> None:
    log = log_prompts(place, f"    if f'{{video.id}}/{{prompt.id}}' == {sample!r}: {failure}\n", eager=False)
    assert [status.id for status in go(place).failed] == [sample]
    assert sorted(log.read_text().split()) == sorted(ALL)


@pytest.mark.parametrize("sample", ["vc/0", "vc/1", "vc/10"])
def test_an_exception_of_a_method_that_predicts_all_prompts_at_once_fails_its_sample_alone(
    place: Path, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = "if f'{video.id}/{prompt.id}' == os.environ.get('FAKE_FAULT'): raise ValueError('no')"
    log_prompts(place, f"    import os\n    {failure}\n", eager=True)
    whole = go(place, out=place / "whole")
    monkeypatch.setenv("FAKE_FAULT", sample)
    report = go(place)
    assert [(status.id, status.error) for status in report.failed] == [(sample, "ValueError: no")]
    kept = predictions(report.folder.path)["predictions/vc.jsonl"].splitlines()
    lines = predictions(whole.folder.path)["predictions/vc.jsonl"].splitlines()
    assert kept == [line for key, line in zip(("0", "1", "10"), lines, strict=True) if f"vc/{key}" != sample]


def test_an_invalid_prediction_fails_its_sample_alone_and_no_prompt_is_predicted_twice(place: Path) -> None:
    code = (
        "Fake.calls = 0\n"
        "def answer(setup, masks):\n    Fake.calls += 1\n    return MaskPrediction(masks[Fake.calls == 2:])\n"
    )
    log = log_prompts(place, code, eager=False)
    report = go(place, sample=("va",))
    assert [status.id for status in report.failed] == ["va/1"]
    assert log.read_text().split() == ["va/0", "va/1", "va/2"]


def test_a_prompt_that_cannot_be_made_fails_its_sample_alone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = VideoPredictor._prompt

    def broken(predictor: VideoPredictor, video_id: str, expression: Expression) -> Prompt:
        if expression.id == "1":
            raise DataError("speech is missing", location="1.wav")
        return make(predictor, video_id, expression)

    monkeypatch.setattr(VideoPredictor, "_prompt", broken)
    report = go(place, sample=("va",))
    assert [(status.id, status.error) for status in report.failed] == [("va/1", "1.wav: speech is missing")]
    assert report.done == 2


@pytest.mark.parametrize(
    "leftover", ["lock", "manifest.json.123.part", "manifest.json", "samples.jsonl", "predictions/"]
)
def test_a_folder_with_leftovers_of_the_first_instants_is_started_over(place: Path, leftover: str) -> None:
    whole = predictions(go(place, out=place / "whole").folder.path)
    (place / "run").mkdir()
    part = place / "run" / leftover
    if leftover.endswith("/"):
        part.mkdir()
    else:
        part.write_text("process 1 on somewhere\n" if leftover == "lock" else "")
    assert go(place).done == len(ALL)
    assert predictions(place / "run") == whole


@pytest.mark.parametrize(("name", "content"), [("samples.jsonl", "{}\n"), ("notes.part", "mine"), ("notes.txt", "")])
def test_a_folder_with_anything_else_is_refused(place: Path, name: str, content: str) -> None:
    (place / "run").mkdir()
    (place / "run" / name).write_text(content)
    with pytest.raises(UsageError, match="the folder is not empty and holds no run that could be resumed"):
        go(place)


def test_the_lock_ends_with_a_killed_process(place: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from mevis_bench.store.run_folder import RunFolder
with RunFolder(Path({str(place / "run")!r})).locked():
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    folder = RunFolder(place / "run")
    assert not folder.is_locked()
    with folder.locked():
        assert folder.is_locked()
    assert not folder.is_locked()
