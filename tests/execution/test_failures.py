"""Whatever a method raises, its sample fails alone, and the failure can be stored and sent."""

import pickle
from pathlib import Path

import pytest

from mevis_bench.execution.failures import MAX_FAILURE_TEXT, failure_text, failure_traceback, sendable
from mevis_bench.execution.local_pool import LocalPool
from mevis_bench.records import DataError, MethodError
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.predict import find_folder, pending_videos, predict
from tests.fixtures.runs import ALL_SAMPLES, RecordingCallback, fake_act, make_config, run_once
from tests.fixtures.tiny_split import write_fake_method


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class NoTextError(Exception):
    def __str__(self) -> str:
        return 3  # type: ignore[return-value]


RAISED = {
    "ValueError: \\ud800 alone": "ValueError('\\ud800 alone')",
    "Hard: mine": "type('Hard', (BaseException,), {})('mine')",
    "CancelledError: ": "asyncio.CancelledError()",
    "GeneratorExit: ": "GeneratorExit()",
    "SystemExit: 0": "SystemExit(0)",
    "OSError: [Errno 28] full": "OSError(errno.ENOSPC, 'full')",
    "Odd: its text cannot be read: TypeError": "type('Odd', (Exception,), {'__str__': lambda self: 3})()",
}


@pytest.mark.parametrize("text", RAISED)
def test_whatever_a_method_raises_its_sample_fails_alone_and_the_run_can_be_read_again(
    workspace: Path, text: str
) -> None:
    code = f"    import asyncio, errno\n    if (video.id, prompt.id) == ('vc', '1'): raise {RAISED[text]}\n"
    fake_act(workspace, code)
    report = run_once(workspace)
    assert [(status.id, status.error) for status in report.failed] == [("vc/1", text)]
    assert report.done == len(ALL_SAMPLES) - 1
    assert pending_videos(plan_run(make_config(workspace)), report.folder) == ()


def test_ctrl_c_ends_the_run(workspace: Path) -> None:
    fake_act(workspace, "    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        run_once(workspace)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("x" * 20_000), "ValueError: " + "x" * (MAX_FAILURE_TEXT - 12) + "... (shortened)"),
        (DataError("bad", location="here", hint="fix it"), "here: bad\nfix it"),
        (UnreadableError(), "UnreadableError: its text cannot be read: RuntimeError"),
        (NoTextError(), "NoTextError: its text cannot be read: TypeError"),
    ],
)
def test_texts_are_bounded_and_readable(error: Exception, text: str) -> None:
    assert failure_text(error) == text


def test_tracebacks_are_bounded_utf_8() -> None:
    error = ValueError("\udcff" * 100_000)
    found = failure_traceback(error)
    assert found is not None
    assert len(found.encode()) < 10 * MAX_FAILURE_TEXT
    assert failure_traceback(MethodError("complete")) is None


def test_only_errors_that_the_other_process_knows_are_sent_as_they_are() -> None:
    for known in (DataError("bad", location="here"), OSError(28, "full", "file")):
        assert sendable(known) is known
    unknown = sendable(UnreadableError())
    assert type(pickle.loads(pickle.dumps(unknown))) is MethodError
    assert str(unknown).startswith("UnreadableError: its text cannot be read: RuntimeError\n")


LOADING = {
    r"calls sys.exit\(0\) while it is loaded": "def load(config): raise SystemExit(0)\n",
    "load\\(\\) returned NoneType, which has no predict": "def load(config): return None\n",
}


@pytest.mark.parametrize("message", LOADING)
def test_a_load_function_that_gives_no_method_is_one_error(workspace: Path, message: str) -> None:
    write_fake_method(workspace / "methods", LOADING[message])
    with pytest.raises(MethodError, match=rf"method\.py: {message}$"):
        run_once(workspace)


def test_an_exception_of_load_that_cannot_be_sent_keeps_its_text_and_traceback(workspace: Path) -> None:
    code = (
        "class Own(Exception):\n    def __init__(self, one, two): super().__init__('lost layer')\n"
        "def load(config): raise Own(1, lambda: 2)\n"
    )
    write_fake_method(workspace / "methods", code)
    plan = plan_run(make_config(workspace))
    with pytest.raises(MethodError, match=r"(?s)^Own: lost layer\n.*method\.py"):
        predict(plan, find_folder(plan), LocalPool(1), RecordingCallback())


@pytest.mark.parametrize(
    "code",
    [
        "def close(self): raise ValueError('late')\nFake.close = close\n",
        "def close(self): raise SystemExit(3)\nFake.close = close\n",
    ],
)
def test_a_method_that_fails_when_it_is_closed_loses_nothing(workspace: Path, code: str) -> None:
    write_fake_method(workspace / "methods", code)
    with pytest.warns(RuntimeWarning, match="the method could not be closed: (ValueError: late|SystemExit: 3)"):
        report = run_once(workspace)
    assert (report.done, report.manifest.status) == (len(ALL_SAMPLES), "finished")


def test_parameters_that_cannot_be_counted_lose_nothing(workspace: Path) -> None:
    code = (
        "class Broken:\n    def parameters(self): raise ValueError('no')\n"
        "class Slotted:\n    __slots__ = ('fake',)\n    close = lambda self: None\n"
        "    def predict(self, video, prompts): return self.fake.predict(video, prompts)\n"
        "def load(config):\n    fake = Fake(config)\n    if config.seed: fake.broken = Broken()\n"
        "    slotted = Slotted()\n    slotted.fake = fake\n    return fake if config.seed else slotted\n"
    )
    write_fake_method(workspace / "methods", code)
    for seed in (0, 1):
        report = run_once(workspace, seed=seed, out=workspace / str(seed))
        assert (report.done, report.manifest.costs["parameters"]) == (len(ALL_SAMPLES), None)
