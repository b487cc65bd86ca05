"""Public Python API. Every name here is also a name of ``mevis_bench`` itself, imported at first use.

The commands ``run``, ``score``, ``compare`` and ``merge`` are functions of the same names and options; ``load_results``
and ``load_scores`` read what they wrote as data frames. ``score_masks``, ``score_tracks`` and ``score_captions`` score
numpy arrays or text without files::

    import mevis_bench

    finished = mevis_bench.run(task="rvos", method="lmpmpp", limit=20)
    scores = mevis_bench.load_scores(finished.report.folder.path)  # one row per sample
    scores.groupby("video")["J&F"].mean().sort_values().head()
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mevis_bench.config.run_config import read_run_config
from mevis_bench.metrics.arrays import score_captions, score_masks, score_tracks
from mevis_bench.metrics.protocols import find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import UsageError
from mevis_bench.reports.compare import Comparison, compare_runs
from mevis_bench.runs.merge import merge_runs
from mevis_bench.runs.run import FinishedRun
from mevis_bench.runs.run import run as run_config
from mevis_bench.runs.score import ScoringResult, score_run
from mevis_bench.runs.slice_file import read_slices
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.schemas.scores import Results
from mevis_bench.store.score_files import read_results, read_scores

if TYPE_CHECKING:
    import pandas as pd

    from mevis_bench.schemas.manifest import Manifest
    from mevis_bench.schemas.samples import SampleStatus
    from mevis_bench.store.run_folder import RunFolder

__all__ = [
    "compare",
    "load_results",
    "load_scores",
    "merge",
    "run",
    "score",
    "score_captions",
    "score_masks",
    "score_tracks",
]


class _Quiet:
    """Callback that ignores every event."""

    def on_run_start(self, folder: "RunFolder", total: int, done: int) -> None:
        """No-op."""

    def on_sample_end(self, status: "SampleStatus") -> None:
        """No-op."""


def run(task: str, method: str, **keys: object) -> FinishedRun:
    """Run a method on a task and score it, as ``mevis-bench run``.

    Args:
        task: Name of the task.
        method: ``name`` or ``name:variant``.
        keys: Keys of :class:`mevis_bench.config.run_config.RunConfig`: the command's options.

    Raises:
        MevisBenchError: The error that the command prints; its ``exit_code`` is the command's.
    """
    given = {key: str(value) if isinstance(value, Path) else value for key, value in keys.items()}
    return run_config(read_run_config(None, {"task": task, "method": method, **given}, ()), _Quiet())


def score(
    predictions: str | Path,
    *,
    data: str | Path | None = None,
    split: str | None = None,
    data_set: str | None = None,
    task: str | None = None,
    protocol: str | None = None,
    missing: str = "error",
    no_target: str = "empty",
    empty_on_target: str = "scored",
    references: str = "all",
    threshold: int | None = None,
    slices: str | Path | None = None,
    workers: int = 1,
    device: str = "cpu",
    name: str | None = None,
    out: str | Path | None = None,
    allow_other_split: bool = False,
) -> ScoringResult:
    """Score predictions of a split, as ``mevis-bench score``; the arguments are the command's options.

    With more than one worker, a script must guard its calls by ``if __name__ == "__main__":``.

    Raises:
        MevisBenchError: The error that the command prints.
    """
    return score_run(
        Path(predictions),
        data=None if data is None else Path(data),
        split=split,
        data_set=data_set,
        task=task,
        options=ScoringOptions(
            find_protocol(protocol), no_target, empty_on_target, missing, references, resolve_device(device)
        ),
        threshold=threshold,
        slices=() if slices is None else read_slices(Path(slices)),
        workers=workers,
        name=name,
        out=None if out is None else Path(out),
        allow_other_split=allow_other_split,
    )


def compare(first: str | Path, second: str | Path, *, metric: str | None = None, seed: int = 0) -> Comparison:
    """Compare two scored folders sample by sample, as ``mevis-bench compare``.

    Args:
        first: Scored folder.
        second: Scored folder of the run that may be better.
        metric: Per-sample metric that ranks the samples; ``None``: the first one that both have.
        seed: Seed of the resampling.

    Raises:
        MevisBenchError: The error that the command prints.
    """
    return compare_runs(Path(first), Path(second), metric=metric, seed=seed)


def merge(*shards: str | Path, out: str | Path, protocol: str | None = None) -> "tuple[Manifest, Results | None]":
    """Merge shards of one run and score it, as ``mevis-bench merge``.

    Args:
        shards: Run folders of ``run(..., shard="i/n")``.
        out: Folder of the merged run; empty or absent.
        protocol: Scoring protocol; ``None``: ``mevis_v2``.

    Returns:
        Manifest and scores; ``None``: the split has no ground truth.

    Raises:
        MevisBenchError: The error that the command prints.
    """
    return merge_runs([Path(shard) for shard in shards], Path(out), find_protocol(protocol))


def load_results(*folders: str | Path) -> "pd.DataFrame":
    """Return the aggregates of scored folders as a data frame, one row per folder; fractions, undefined is NaN.

    Raises:
        UsageError: pandas is not installed.
        DataError: A folder has no results.
    """
    rows = []
    for folder in folders:
        results = read_results(Path(folder))
        facts = {"folder": str(folder), "label": results.label, "task": results.task, "protocol": results.protocol}
        rows.append({**facts, "split": results.split, **results.method, **results.counts, **results.metrics})
    return _pandas().DataFrame(rows)


def load_scores(folder: str | Path) -> "pd.DataFrame":
    """Return the samples of a scored folder as a data frame, one row per sample and one column per value.

    Columns ``video``, ``expression`` and ``groups`` (a list of slices) come first; undefined is NaN.
    ``load_scores(folder).to_parquet(file)`` writes them for other tools.

    Raises:
        UsageError: pandas is not installed.
        DataError: The folder has no scores.
    """
    rows = [
        {
            "video": score.video,
            "expression": score.sample.rsplit("/", 1)[1],
            "groups": list(score.groups),
            **score.values,
        }
        for score in read_scores(Path(folder))
    ]
    return _pandas().DataFrame(rows)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise UsageError("data frames need pandas", hint="pip install 'mevis-bench[notebook]'") from error
    return pandas
