"""Check that a run has the same bytes whichever way it is distributed or killed, on the bundled split."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
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
    """One way of running, compared with the plain one.

    Attributes:
        name: The way.
        same: Whether predictions, scores and results have the same bytes.
        seconds: Its duration.
        note: Details; may be empty.
    """

    name: str
    same: bool
    seconds: float
    note: str


def selfcheck(method: str, limit: int, kills: int, scratch: Path) -> Iterator[Check]:
    """Run one method in several ways and compare each with the plain run.

    Args:
        method: An RVOS method that runs on this machine.
        limit: Number of samples.
        kills: Number of SIGKILLs at random moments, for each way of running that is killed.
        scratch: An empty folder.

    Raises:
        UsageError: There are more kills than samples.
        MethodError: A run that should have succeeded failed.
    """
    if kills > limit:
        raise UsageError(f"cannot kill a run of {limit} samples {kills} times", hint="Give a larger --limit.")
    arguments = ["run", "--task", "rvos", "--method", method, "--limit", str(limit), "--device", "cpu"]
    start = time.monotonic()
    _run([*arguments, "--out", str(scratch / "plain")])
    plain = fingerprint(scratch / "plain")
    yield Check("one process", True, time.monotonic() - start, "reference of the others")

    start = time.monotonic()
    _run([*arguments, "--out", str(scratch / "threads")], {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"})
    yield Check("OMP_NUM_THREADS=4", fingerprint(scratch / "threads") == plain, time.monotonic() - start, "")

    start = time.monotonic()
    _run([*arguments, "--workers", "4", "--out", str(scratch / "workers")])
    yield Check("4 pool processes", fingerprint(scratch / "workers") == plain, time.monotonic() - start, "")

    start = time.monotonic()
    shards = [scratch / f"shard{part}" for part in (1, 2, 3)]
    for part, shard in enumerate(shards, 1):
        _run([*arguments, "--shard", f"{part}/3", "--out", str(shard)])
    merge_runs(shards, scratch / "merged")
    yield Check("3 shards, merged", fingerprint(scratch / "merged") == plain, time.monotonic() - start, "")

    if find_spec("ray") is not None:
        start = time.monotonic()
        _run([*arguments, "--engine", "ray", "--out", str(scratch / "ray")])
        yield Check("Ray", fingerprint(scratch / "ray") == plain, time.monotonic() - start, "")

    for processes in (1, 2):
        start = time.monotonic()
        folder = scratch / f"killed{processes}"
        command = [*arguments, "--workers", str(processes), "--out", str(folder)]
        killed, twice = _run_and_kill(command, folder, limit, kills)
        note = f"killed {killed} times, {twice} samples predicted twice"
        same = fingerprint(folder) == plain and twice <= killed * processes
        name = "kill -9 and resume" + (f", {processes} pool processes" if processes > 1 else "")
        yield Check(name, same, time.monotonic() - start, note)


def fingerprint(run: Path) -> str:
    """Return the sha256 over predictions, scores and results."""
    files = [*sorted((run / "predictions").glob("*.jsonl")), run / "scores.jsonl", run / "results.json"]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(run).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _run_and_kill(arguments: list[str], folder: Path, limit: int, kills: int) -> tuple[int, int]:
    """Kill a run repeatedly; return how often, and how many samples were predicted twice.

    Every start may predict its share of the samples, the first none; then it is killed a random moment later, while it
    starts, computes, writes, or scores.
    """
    moments = random.Random(0)
    killed = 0
    for number in range(kills):
        process = subprocess.Popen([*_PROGRAM, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        target = number * limit // kills
        while process.poll() is None and len(read_statuses(RunFolder(folder).samples_path)) < target:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, LATEST_KILL))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    _run(arguments)
    lines = RunFolder(folder).samples_path.read_text().splitlines()
    return killed, len(lines) - len(read_statuses(RunFolder(folder).samples_path))


_PROGRAM = [sys.executable, "-m", "mevis_bench"]


def _run(arguments: list[str], environment: Mapping[str, str] | None = None) -> None:
    variables = {**os.environ, **(environment or {})}
    result = subprocess.run([*_PROGRAM, *arguments], capture_output=True, text=True, check=False, env=variables)
    if result.returncode != 0:
        message = f"this run exited with code {result.returncode}: {' '.join(arguments)}"
        raise MethodError(message, hint=result.stderr[-2000:])
