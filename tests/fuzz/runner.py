"""One case of the fuzz test: mutate a file, run a command in this process under a guard, judge, restore."""

import contextlib
import io
import json
import random
import resource
import shutil
import signal
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from tests.fixtures.loopback_hub import LoopbackHub
from tests.fuzz.mutations import mutate
from tests.fuzz.targets import CHANGED, TARGETS, data_set_targets, round_trip_targets
from tests.fuzz.world import OUT, publish

MAX_SECONDS = 20
"""Processor time of one command."""

MAX_BYTES = 2 * 2**30
"""Memory that one command may add."""

FAILURES = Path("fuzz-failures")
"""Folder below the working directory of pytest where inputs that fail are written."""


class HangError(BaseException):
    """The command took too long; no ``except Exception`` swallows it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of one command.

    Attributes:
        code: Its exit code; ``None``: it raised.
        output: Both streams.
        problem: What is wrong with it; ``None``: nothing.
    """

    code: int | None
    output: str
    problem: str | None


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Limit processor time and memory of the body."""

    def expire(number: int, frame: FrameType | None) -> None:
        raise HangError(f"more than {MAX_SECONDS} s of processor time")

    limits = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = signal.signal(signal.SIGVTALRM, expire)
    signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
    resource.setrlimit(resource.RLIMIT_AS, (size + MAX_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def run(command: Sequence[str]) -> Outcome:
    """Run one command in this process and judge it."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="strict", write_through=True) for _ in range(2)]
    code: int | None = None
    problem = None
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]), warnings.catch_warnings():
        try:
            with guarded():
                code = main(list(command))
        except MemoryError:
            problem = f"memory: more than {MAX_BYTES} bytes\n{traceback.format_exc()}"
        except HangError:
            problem = f"hang\n{traceback.format_exc()}"
        except SystemExit as error:
            problem = f"SystemExit {error.code}"
        except Exception:
            problem = f"traceback\n{traceback.format_exc()}"
    output = "".join(stream.buffer.getvalue().decode(errors="replace") for stream in streams)
    if problem is None and code not in set(ExitCode):
        problem = f"exit code {code}"
    if problem is None and "Traceback (most recent call last)" in output:
        problem = "traceback in the output"
    if problem is None and code == ExitCode.USAGE and not ("error: " in output or "gate FAILED (exit 2)" in output):
        problem = "exit code 2 without an error"
    return Outcome(code, output, problem)


class Fuzzer:
    """Runs cases in a world.

    Args:
        world: The world, which is the working directory; its copy is what files are restored from.
        pristine: The copy.
        hub: The hub that the commands use.
    """

    def __init__(self, world: Path, pristine: Path, hub: LoopbackHub) -> None:
        self.world, self.pristine, self.hub = world, pristine, hub
        self.targets = (*TARGETS, *data_set_targets(), *round_trip_targets())
        self._weights = [target.weight for target in self.targets]
        outcome = run(["score", "preds.json", "--data", "data", "--workers", "1", "--out", OUT])
        assert outcome.code == 0, outcome.output
        self._scores = json.loads((world / OUT / "results.json").read_text())
        self.restore("preds.json")

    def case(self, seed: int) -> tuple[str, bytes, Sequence[str], Outcome]:
        """Return path, mutated content, command and outcome of the case with this seed."""
        rng = random.Random(seed)
        target = rng.choices(self.targets, self._weights)[0]
        path = self.world / target.path
        content = mutate(rng, path, path.read_bytes())
        command = rng.choice(target.commands)
        path.write_bytes(content)
        publish(self.hub, target.path)
        try:
            outcome = run(command)
            if outcome.problem is None and outcome.code == 0 and "--slices" in command:
                outcome = Outcome(outcome.code, outcome.output, self._changed_scores())
        finally:
            self.restore(target.path)
        return target.path, content, command, outcome

    def _changed_scores(self) -> str | None:
        """Return which score a user's slices changed; ``None``: none."""
        now = json.loads((self.world / OUT / "results.json").read_text())
        if now["metrics"] != self._scores["metrics"]:
            return f"changed metrics: {now['metrics']}"
        changed = [name for name, values in self._scores["slices"].items() if now["slices"].get(name) != values]
        return f"changed slices: {changed}" if changed else None

    def restore(self, path: str) -> None:
        """Undo a case: remove what it wrote, restore what it may have changed."""
        if (self.world / OUT).is_dir():
            shutil.rmtree(self.world / OUT)
        for name in {path, "base.json", "history.jsonl"}:
            if (self.world / name).read_bytes() != (self.pristine / name).read_bytes():
                shutil.copyfile(self.pristine / name, self.world / name)
        for name in CHANGED:
            shutil.rmtree(self.world / name)
            shutil.copytree(self.pristine / name, self.world / name)
        for name in [name for name in sys.modules if name.startswith("_mevis_bench_method_")]:
            del sys.modules[name]


def write_failure(folder: Path, seed: int, path: str, content: bytes, command: Sequence[str], problem: str) -> Path:
    """Write the input of a failed case, with how to repeat it, and return its folder."""
    out = folder / f"{seed}"
    out.mkdir(parents=True, exist_ok=True)
    (out / Path(path).name).write_bytes(content)
    (out / "case.json").write_text(json.dumps({"seed": seed, "stands for": path, "command": list(command)}, indent=1))
    (out / "problem.txt").write_text(problem)
    return out
