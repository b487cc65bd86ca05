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
        video: Video of the last sample that ended; ``None``: none has.
    """

    folder: Path
    state: str
    total: int
    done: int
    failed: int
    started: str
    video: str | None


def run_state(path: Path) -> RunState:
    """Read one run's state.

    Raises:
        DataError: Not a run folder.
    """
    folder = RunFolder(path)
    manifest = folder.read_manifest()
    statuses = tuple(read_statuses(folder.samples_path).values())
    failed = sum(status.status == "failed" for status in statuses)
    video = statuses[-1].id.rpartition("/")[0] if statuses else None
    state: str = manifest.status
    if state == "running" and not folder.is_locked():
        state = "killed"
    total, done = len(manifest.identity.samples), len(statuses) - failed
    return RunState(path, state, total, done, failed, manifest.started, video)


def find_runs(runs: Path) -> Sequence[Path]:
    """Return the run folders in a folder, by name; empty where the folder is missing."""
    return sorted(path.parent for path in runs.glob("*/manifest.json"))
