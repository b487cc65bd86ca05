"""``kill -9`` of a process ends everything it started: pool, environment and scoring processes, and their children."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.isolated_methods import environment_like_this, write_isolated_method
from tests.fixtures.processes import alive, assert_all_end, wait_for_lines
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

# Writes the ids of this process and of children, some of them in a session of their own and one that is forked and runs
# no other program, then predicts forever, holding the interpreter lock.
HANGS = """\
import os, re, subprocess, time
def act(setup, video, prompt):
    forked = os.fork()
    if forked == 0:
        os.setsid()
        time.sleep(600)
        os._exit(0)
    own = subprocess.Popen(["sleep", "600"])
    left = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], stdout=subprocess.PIPE, start_new_session=True)
    pids = [os.getpid(), forked, own.pid, left.pid, int(left.stdout.readline())]
    with open({pids!r}, "a") as file: file.write(" ".join(map(str, pids)) + "\\n")
    re.match("(a+)+b", "a" * 60)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize(("isolated", "processes"), [(False, 2), (False, 1), (True, 2), (True, 1)])
def test_kill_of_a_run_leaves_no_process(
    tmp_path: Path, isolated: bool, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_split(tmp_path / "data")
    code = HANGS.format(pids=str(tmp_path / "pids"))
    if isolated:
        environment_like_this(tmp_path / "environments" / "fake")
        monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(tmp_path / "environments"))
        write_isolated_method(tmp_path / "methods", code)
    else:
        write_fake_method(tmp_path / "methods", code)
    arguments = ["run", "--task", "rvos", "--method", "fake", "--method-dir", str(tmp_path / "methods")]
    arguments += ["--data", str(tmp_path / "data"), "--device", "cpu", "--workers", str(processes)]
    run = subprocess.Popen(
        [sys.executable, "-m", "mevis_bench", *arguments, "--out", str(tmp_path / "run")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lines = wait_for_lines(tmp_path / "pids", processes)
    assert all(alive(pid) for line in lines for pid in line)
    run.kill()
    run.wait()
    assert_all_end([pid for line in lines for pid in line])


SCORES = """\
import multiprocessing, os, time
from pathlib import Path
from mevis_bench.runs.scoring_pool import map_in_order

def hang(path):
    with open(path, "a") as file: file.write(f"{os.getpid()}\\n")
    time.sleep(600)

if __name__ == "__main__":
    list(map_in_order(hang, [PIDS] * 2, 2))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_kill_of_scoring_leaves_no_process(tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text(SCORES.replace("PIDS", repr(str(tmp_path / "pids"))))
    parent = subprocess.Popen([sys.executable, str(script)], cwd=Path(__file__).parents[2])
    pids = [line[0] for line in wait_for_lines(tmp_path / "pids", 2)]
    parent.kill()
    parent.wait()
    assert_all_end(pids)
