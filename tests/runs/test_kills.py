"""A run killed at any of its file operations is completed by the same call, with the same bytes and no litter."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from mevis_bench.execution.inline import Inline
from mevis_bench.records import UsageError
from mevis_bench.runs import predict as predict_module
from mevis_bench.runs.plan import RunPlan, plan_run
from mevis_bench.runs.predict import RunReport, find_folder, predict
from mevis_bench.store import run_folder
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.runs import RecordingCallback, make_config, prediction_files, run_once
from tests.fixtures.tiny_split import write_fake_method

EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate", "fcntl.flock")


def run_planned(plan: RunPlan) -> RunReport:
    return predict(plan, find_folder(plan), Inline(plan.dataset), RecordingCallback())


def run_killed(plan: RunPlan, number: int, *, half: bool) -> bool:
    """Run in a child process, killed at its file operation ``number`` or in the middle of it; return whether it was."""
    pid = os.fork()
    if pid:
        status = os.waitpid(pid, 0)[1]
        assert status in (0, signal.SIGKILL)
        return status != 0
    count = 0
    write = os.write

    def operation() -> bool:
        nonlocal count
        count += 1
        return count == number

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        here = event == "fcntl.flock" or any(str(plan.config.out) in str(one) for one in arguments[:2])
        if event in EVENTS and here and operation():
            die()

    def dying_write(file: int, content: bytes) -> int:
        if operation():
            write(file, content[: len(content) // 2 if half else len(content)])
            die()
        return write(file, content)

    code = 1
    try:
        sys.addaudithook(hook)
        os.write = dying_write
        run_planned(plan)
        code = 0
    finally:
        os._exit(code)


def test_a_kill_at_any_file_operation_is_made_good_by_the_same_call(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("versions", "commit", "system_info"):  # slow, and the same every time
        monkeypatch.setattr(predict_module, name, cache(getattr(predict_module, name)))
    whole = prediction_files(run_once(workspace, out=workspace / "whole", sample=("vb",)).folder.path)
    plan = plan_run(make_config(workspace, sample=("vb",)))
    number = 1
    while run_killed(plan, number, half=number % 2 == 0):
        report = run_planned(plan)
        assert (report.done, report.failed, prediction_files(workspace / "run")) == (2, (), whole), number
        assert list((workspace / "run").rglob("*.part")) == [], number
        for path in sorted((workspace / "run").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        number += 1
    assert number > 15


@pytest.fixture
def orphan(workspace: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of an earlier start that still writes."""
    folder = RunFolder(workspace / "run")
    with folder.locked(), folder.writer():
        pass
    code = "import fcntl, sys, time\nfile = open(sys.argv[1], 'a')\nfcntl.flock(file, fcntl.LOCK_SH)\n"
    code += "print('ready', flush=True)\ntime.sleep(600)"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder.samples_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


def test_a_run_waits_for_the_writers_of_an_earlier_start(workspace: Path, orphan: subprocess.Popen[bytes]) -> None:
    threading.Timer(0.3, orphan.kill).start()
    assert run_once(workspace, sample=("vb",)).done == 2


def test_a_writer_of_an_earlier_start_that_does_not_end_is_one_error(
    workspace: Path, orphan: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_folder, "_WRITER_TIMEOUT", 0.1)
    with pytest.raises(UsageError, match="run: a process of an earlier start is still writing this run\nWait until"):
        run_once(workspace)
    assert prediction_files(workspace / "run") == {}


def test_whatever_predicts_takes_part_in_the_lock(workspace: Path) -> None:
    code = (
        "import fcntl\ndef act(setup, video, prompt):\n"
        f"    with open({str(workspace / 'run' / 'samples.jsonl')!r}, 'a') as file:\n"
        "        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    )
    write_fake_method(workspace / "methods", code)
    report = run_once(workspace, sample=("vb",))
    assert [status.error for status in report.failed] == [
        "BlockingIOError: [Errno 11] Resource temporarily unavailable"
    ] * 2
    with report.folder.samples_path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
