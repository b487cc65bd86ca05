"""One sample's failure fails that sample alone; leftovers of killed runs and locks are recognized."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import DataError, Expression, Prompt, UsageError
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.runs import ALL_SAMPLES, fake_act, log_prompts, prediction_files, run_once


@pytest.mark.parametrize("failure", ["raise ValueError('no')", "raise SystemExit(3)"])
@pytest.mark.parametrize("sample", ["va/0", "va/1", "va/2"])
def test_an_exception_fails_its_sample_alone_and_no_prompt_is_predicted_twice(
    workspace: Path, sample: str, failure: str
) -> None:
    log = log_prompts(workspace, f"    if f'{{video.id}}/{{prompt.id}}' == {sample!r}: {failure}\n", eager=False)
    assert [status.id for status in run_once(workspace).failed] == [sample]
    assert sorted(log.read_text().split()) == sorted(ALL_SAMPLES)


@pytest.mark.parametrize("sample", ["vc/0", "vc/1", "vc/10"])
def test_an_exception_of_a_method_that_predicts_all_prompts_at_once_fails_its_sample_alone(
    workspace: Path, sample: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = "if f'{video.id}/{prompt.id}' == os.environ.get('FAKE_FAULT'): raise ValueError('no')"
    log_prompts(workspace, f"    import os\n    {failure}\n", eager=True)
    whole = run_once(workspace, out=workspace / "whole")
    monkeypatch.setenv("FAKE_FAULT", sample)
    report = run_once(workspace)
    assert [(status.id, status.error) for status in report.failed] == [(sample, "ValueError: no")]
    kept = prediction_files(report.folder.path)["predictions/vc.jsonl"].splitlines()
    lines = prediction_files(whole.folder.path)["predictions/vc.jsonl"].splitlines()
    assert kept == [line for key, line in zip(("0", "1", "10"), lines, strict=True) if f"vc/{key}" != sample]


def test_an_invalid_prediction_fails_its_sample_alone_and_no_prompt_is_predicted_twice(workspace: Path) -> None:
    code = (
        "Fake.calls = 0\n"
        "def answer(setup, masks):\n    Fake.calls += 1\n    return MaskPrediction(masks[Fake.calls == 2:])\n"
    )
    log = log_prompts(workspace, code, eager=False)
    report = run_once(workspace, sample=("va",))
    assert [status.id for status in report.failed] == ["va/1"]
    assert log.read_text().split() == ["va/0", "va/1", "va/2"]


def test_a_prompt_that_cannot_be_made_fails_its_sample_alone(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make = VideoPredictor._prompt

    def broken(predictor: VideoPredictor, video_id: str, expression: Expression) -> Prompt:
        if expression.id == "1":
            raise DataError("speech is missing", location="1.wav")
        return make(predictor, video_id, expression)

    monkeypatch.setattr(VideoPredictor, "_prompt", broken)
    report = run_once(workspace, sample=("va",))
    assert [(status.id, status.error) for status in report.failed] == [("va/1", "1.wav: speech is missing")]
    assert report.done == 2


def test_a_video_that_does_not_fit_into_memory_fails_with_what_may_fit(workspace: Path) -> None:
    fake_act(workspace, "    if prompt.id == '1': raise MemoryError('Tried to allocate 2 GiB.\\nSee the manual')\n")
    (failed,) = run_once(workspace, sample=("va",)).failed
    assert (failed.id, failed.traceback) == ("va/1", None)
    assert failed.error == (
        "cpu does not have enough memory for 4 frames of 8 x 6 pixels (Tried to allocate 2 GiB.)\n"
        "Choose a smaller variant (mevis-bench list methods --sizes), --set method.precision=bfloat16 where the method "
        "has it, or --device cpu."
    )


@pytest.mark.parametrize(
    "leftover", ["lock", "manifest.json.123.part", "manifest.json", "samples.jsonl", "predictions/"]
)
def test_a_folder_with_leftovers_of_the_first_instants_is_started_over(workspace: Path, leftover: str) -> None:
    whole = prediction_files(run_once(workspace, out=workspace / "whole").folder.path)
    (workspace / "run").mkdir()
    part = workspace / "run" / leftover
    if leftover.endswith("/"):
        part.mkdir()
    else:
        part.write_text("process 1 on somewhere\n" if leftover == "lock" else "")
    assert run_once(workspace).done == len(ALL_SAMPLES)
    assert prediction_files(workspace / "run") == whole


@pytest.mark.parametrize(("name", "content"), [("samples.jsonl", "{}\n"), ("notes.part", "mine"), ("notes.txt", "")])
def test_a_folder_with_anything_else_is_refused(workspace: Path, name: str, content: str) -> None:
    (workspace / "run").mkdir()
    (workspace / "run" / name).write_text(content)
    with pytest.raises(UsageError, match="the folder is not empty and holds no run that could be resumed"):
        run_once(workspace)


def test_the_lock_ends_with_a_killed_process(workspace: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from mevis_bench.store.run_folder import RunFolder
with RunFolder(Path({str(workspace / "run")!r})).locked():
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    folder = RunFolder(workspace / "run")
    assert not folder.is_locked()
    with folder.locked():
        assert folder.is_locked()
    assert not folder.is_locked()
