"""Progress of runs, readable from another process while they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import read_statuses


@dataclass(frozen=True, slots=True)
class RunState:
    """Progress of one run.

    Attributes:
        folder: Its folder.
        state: The manifest's status; ``killed`` where that is ``running`` but no process holds the lock.
        total: Number of samples.
        done: Number of samples with a prediction.
        failed: Number of failed samples.
        started: When it was first started.
    """

    folder: Path
    state: str
    total: int
    done: int
    failed: int
    started: str


def run_state(path: Path) -> RunState:
    """Read one run's state.

    Raises:
        DataError: Not a run folder.
    """
    folder = RunFolder(path)
    manifest = folder.read_manifest()
    statuses = read_statuses(folder.samples_path).values()
    failed = sum(status.status == "failed" for status in statuses)
    state: str = manifest.status
    if state == "running" and not folder.is_locked():
        state = "killed"
    return RunState(path, state, len(manifest.identity.samples), len(statuses) - failed, failed, manifest.started)


def find_runs(runs: Path) -> Sequence[Path]:
    """Return the run folders in a folder, by name; empty where the folder is missing."""
    return sorted(path.parent for path in runs.glob("*/manifest.json"))
