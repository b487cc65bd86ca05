"""Does this machine give the same bytes whichever way a run is spread or stopped? Tried on the embedded split."""

import hashlib
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from mevis_bench.records import MethodError, UsageError
from mevis_bench.runs.merge import merge_runs
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import read_statuses

LATEST_KILL = 0.3
"""Seconds. A sample of the heuristic baselines takes a twentieth of it, so a kill may fall on any part of the work."""


@dataclass(frozen=True, slots=True)
class Check:
    """One way of running, held against the plain one.

    Attributes:
        name: What was done.
        same: Whether predictions, scores and results have the same bytes.
        seconds: How long it took.
        note: What is worth knowing about it.
    """

    name: str
    same: bool
    seconds: float
    note: str


def selfcheck(method: str, limit: int, kills: int, scratch: Path) -> Iterator[Check]:
    """Run one method in many ways, and yield how each compares with the plain run.

    Args:
        method: A method of RVOS that runs on this machine.
        limit: Number of samples.
        kills: How often the killed run is stopped with SIGKILL, at random moments.
        scratch: An empty folder.

    Raises:
        UsageError: There are more kills than samples.
        MethodError: A run that should have ended well did not.
    """
    if kills > limit:
        raise UsageError(f"a run of {limit} samples can't be killed {kills} times", hint="Give a larger --limit.")
    words = ["run", "--task", "rvos", "--method", method, "--limit", str(limit), "--device", "cpu"]
    start = time.monotonic()
    _run([*words, "--out", str(scratch / "plain")])
    plain = fingerprint(scratch / "plain")
    yield Check("one process", True, time.monotonic() - start, "what the others are held against")

    start = time.monotonic()
    _run([*words, "--workers", "4", "--out", str(scratch / "workers")])
    yield Check("4 workers", fingerprint(scratch / "workers") == plain, time.monotonic() - start, "")

    start = time.monotonic()
    shards = [scratch / f"shard{part}" for part in (1, 2, 3)]
    for part, shard in enumerate(shards, 1):
        _run([*words, "--shard", f"{part}/3", "--out", str(shard)])
    merge_runs(shards, scratch / "merged")
    yield Check("3 shards, merged", fingerprint(scratch / "merged") == plain, time.monotonic() - start, "")

    if find_spec("ray") is not None:
        start = time.monotonic()
        _run([*words, "--engine", "ray", "--out", str(scratch / "ray")])
        yield Check("Ray", fingerprint(scratch / "ray") == plain, time.monotonic() - start, "")

    start = time.monotonic()
    killed, twice = _run_and_kill([*words, "--out", str(scratch / "killed")], scratch / "killed", limit, kills)
    note = f"killed {killed} times, {twice} samples done twice"
    same = fingerprint(scratch / "killed") == plain and twice <= killed
    yield Check("kill -9 and resume", same, time.monotonic() - start, note)


def fingerprint(run: Path) -> str:
    """Return the sha256 over what must not change: predictions, scores and results."""
    files = [*sorted((run / "predictions").glob("*.jsonl")), run / "scores.jsonl", run / "results.json"]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(run).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run_and_kill(words: list[str], folder: Path, limit: int, kills: int) -> tuple[int, int]:
    """Kill a run again and again; return how often, and how many samples were done twice.

    Each try may do its share of the samples, the first none; then a random moment later it is killed, while it starts,
    computes, writes, or scores.
    """
    moments = random.Random(0)
    killed = 0
    for number in range(kills):
        process = subprocess.Popen([*_PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wanted = number * limit // kills
        while process.poll() is None and len(read_statuses(RunFolder(folder).samples_path)) < wanted:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, LATEST_KILL))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    _run(words)
    lines = RunFolder(folder).samples_path.read_text().splitlines()
    return killed, len(lines) - len(read_statuses(RunFolder(folder).samples_path))


_PROGRAM = [sys.executable, "-m", "mevis_bench"]


def _run(words: list[str]) -> None:
    done = subprocess.run([*_PROGRAM, *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        what = f"this run ended with exit code {done.returncode}: {' '.join(words)}"
        raise MethodError(what, hint=done.stderr[-2000:])
