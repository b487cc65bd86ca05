"""A guardian kills what carries its mark, wherever it went, and nothing else."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mevis_bench.execution.guardian import MARKER, Guardian
from mevis_bench.execution.process_group import ProcessGroup
from tests.fixtures.processes import alive, assert_all_end, wait_for_lines

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")

STARTS = "import os, subprocess, sys\nfor new_session in (False, True):\n"
STARTS += "    child = subprocess.Popen(['sleep', '600'], start_new_session=new_session)\n"
STARTS += "    with open(sys.argv[1], 'a') as file: file.write(f'{child.pid}\\n')\n"


@pytest.fixture
def bystander() -> Iterator[int]:
    process = subprocess.Popen(["sleep", "600"])
    yield process.pid
    process.kill()
    process.wait()


def test_a_guardian_kills_what_it_marked_and_nothing_else(tmp_path: Path, bystander: int) -> None:
    guardian = Guardian()
    with guardian.marking():
        subprocess.run([sys.executable, "-c", STARTS, str(tmp_path / "pids")], check=True)
    assert MARKER not in os.environ
    pids = [line[0] for line in wait_for_lines(tmp_path / "pids", 2)]
    assert all(map(alive, pids))
    guardian.kill()
    assert_all_end(pids)
    assert alive(bystander)
    guardian.kill()


def test_forks_are_marked_though_they_start_no_program(tmp_path: Path, bystander: int) -> None:
    guardian = Guardian()
    with guardian.marking():
        if (child := os.fork()) == 0:
            os.setsid()
            if os.fork() == 0:  # its parent ends
                with (tmp_path / "pids").open("a") as file:
                    file.write(f"{os.getpid()}\n")
                time.sleep(600)
            os._exit(0)
        os.waitpid(child, 0)
    ((grandchild,),) = wait_for_lines(tmp_path / "pids", 1)
    forks = Path(tempfile.gettempdir(), f"mevis-bench-{guardian.environment[MARKER]}")
    with forks.open("a") as file:
        file.write(f"{bystander} 1\n")  # another process has this id by now
    guardian.kill()
    assert_all_end([grandchild])
    assert alive(bystander)
    assert not forks.exists()


def test_a_released_guardian_kills_nothing() -> None:
    guardian = Guardian()
    with guardian.marking():
        process = subprocess.Popen(["sleep", "600"])
    guardian.release()
    assert alive(process.pid)
    process.kill()
    process.wait()


def test_an_inner_mark_keeps_the_outer_one() -> None:
    outer, inner = Guardian(), Guardian()
    with outer.marking():
        middle = Guardian()
        with middle.marking():
            process = subprocess.Popen(["sleep", "600"])
    for guardian in (inner, middle):
        guardian.release()
    outer.kill()
    assert_all_end([process.pid])
    process.wait()


def test_a_process_group_ends_with_those_that_left_it(tmp_path: Path) -> None:
    group = ProcessGroup([sys.executable, "-c", STARTS, str(tmp_path / "pids")])
    assert group.wait(30) == 0
    pids = [line[0] for line in wait_for_lines(tmp_path / "pids", 2)]
    group.kill()
    assert_all_end(pids)
