"""Predictions do not depend on the number of threads that the machine or the user grants."""

import os

import pytest
import torch

from mevis_bench.execution.threads import ONE_THREAD, one_thread
from tests.fixtures.isolated_methods import environment_like_this, write_isolated_method
from tests.fixtures.runs import prediction_files, run_once
from tests.fixtures.tiny_split import write_fake_method

COUNTS = "import torch\ndef answer(setup, masks): return MaskPrediction(masks, None, 1 / torch.get_num_threads())\n"


@pytest.fixture
def four_threads(monkeypatch: pytest.MonkeyPatch):
    before = torch.get_num_threads()
    for name in ONE_THREAD:
        monkeypatch.setenv(name, "4")
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


def test_methods_compute_with_one_thread_however_many_there_are(workspace, four_threads) -> None:
    write_fake_method(workspace / "methods", COUNTS)
    report = run_once(workspace, sample=("vb/0",))
    assert b'"target_score":1.0' in prediction_files(report.folder.path)["predictions/vb.jsonl"]
    assert torch.get_num_threads() == 4


def test_one_thread_is_for_the_cpu_and_is_taken_back(four_threads) -> None:
    with one_thread("cpu"):
        assert torch.get_num_threads() == 1
        assert {name: os.environ[name] for name in ONE_THREAD} == ONE_THREAD
    with one_thread("cuda:0"):
        assert (torch.get_num_threads(), os.environ["OMP_NUM_THREADS"]) == (4, "4")


def test_environment_processes_compute_with_one_thread(
    workspace, monkeypatch: pytest.MonkeyPatch, four_threads
) -> None:
    environment_like_this(workspace / "environments" / "fake")
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(workspace / "environments"))
    code = "import os\ndef answer(setup, masks):\n    return CaptionPrediction(os.environ['OMP_NUM_THREADS'], 0.5)\n"
    write_isolated_method(workspace / "methods", code)
    report = run_once(workspace, task="rmeg", sample=("vb/0",))
    assert b'"text":"1"' in prediction_files(report.folder.path)["predictions/vb.jsonl"]
