"""Two processes that torchrun starts take the steps of one with the same batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.baselines.two_processes import CASES, prepare, write_uneven_clips
from tests.paths import ROOT


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder of the trainings in two processes, started once because importing torch takes longer than they do."""
    folder = tmp_path_factory.mktemp("two")
    write_uneven_clips(folder / "clips" / "train")
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    result = subprocess.run(
        [*command, script, folder],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr[-4000:]
    return folder


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(name, together, monkeypatch):
    prepare(monkeypatch)
    CASES[name].fit(together / f"{name}-alone")
    one, two = (losses(together / folder) for folder in (f"{name}-alone", name))
    assert [point["step"] for point in one] == [1, 2, 3]
    assert len({point["loss"] for point in one}) == 3
    for expected, found in zip(one, two, strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-6)


def losses(out: Path) -> list[dict[str, float]]:
    (curve,) = (out / "curves").glob("*.json")
    return json.loads(curve.read_text())["losses"]
