"""The commands for Python: ``import mevis_bench`` gives ``run``, ``score``, ``load_results``, ``load_scores``.

import mevis_bench

finished = mevis_bench.run(task="rvos", method="lmpmpp", limit=20)
scores = mevis_bench.load_scores(finished.report.folder.path)   # a data frame, a row a sample
scores.groupby("video")["J&F"].mean().sort_values().head()
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mevis_bench.config.run_config import read_run_config
from mevis_bench.metrics.rules import ScoringOptions
from mevis_bench.records import UsageError
from mevis_bench.runs.run import FinishedRun
from mevis_bench.runs.run import run as run_config
from mevis_bench.runs.score import ScoringResult, score_run
from mevis_bench.runs.slice_file import read_slices
from mevis_bench.runs.system_info import resolve_device
from mevis_bench.store.score_files import read_results, read_scores

if TYPE_CHECKING:
    import pandas as pd

    from mevis_bench.store.run_folder import RunFolder
    from mevis_bench.store.sample_index import SampleStatus


class _Quiet:
    """Watches a run and says nothing."""

    def begin(self, folder: "RunFolder", total: int, done: int) -> None:
        """Take note of nothing."""

    def sample(self, status: "SampleStatus") -> None:
        """Take note of nothing."""


def run(task: str, method: str, **keys: object) -> FinishedRun:
    """Do what ``mevis-bench run`` does; keys are its flags (``data``, ``split``, ``limit``, ``device``, ``out``, ...).

    Raises:
        MevisBenchError: What the command would print; its ``exit_code`` is the command's.
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
    protocol: str = "mevis_v2",
    missing: str = "error",
    no_target: str = "empty",
    empty_on_target: str = "scored",
    references: str = "all",
    threshold: int | None = None,
    slices: str | Path | None = None,
    workers: int = 1,
    device: str = "cpu",
    out: str | Path | None = None,
) -> ScoringResult:
    """Do what ``mevis-bench score`` does; the arguments are its flags.

    With more than one worker, a script must have its calls below ``if __name__ == "__main__":``.

    Raises:
        MevisBenchError: What the command would print.
    """
    return score_run(
        Path(predictions),
        data=None if data is None else Path(data),
        split=split,
        data_set=data_set,
        task=task,
        rules=ScoringOptions(protocol, no_target, empty_on_target, missing, references, resolve_device(device)),
        threshold=threshold,
        slices=() if slices is None else read_slices(Path(slices)),
        workers=workers,
        out=None if out is None else Path(out),
    )


def load_results(*folders: str | Path) -> "pd.DataFrame":
    """Return the aggregates of scored folders as a data frame, a row a folder; fractions, undefined is NaN.

    Raises:
        UsageError: pandas is not installed.
        DataError: A folder holds no results.
    """
    rows = []
    for folder in folders:
        results = read_results(Path(folder))
        facts = {"folder": str(folder), "task": results.task, "protocol": results.protocol, "split": results.split}
        rows.append({**facts, **results.method, **results.counts, **results.metrics})
    return _pandas().DataFrame(rows)


def load_scores(folder: str | Path) -> "pd.DataFrame":
    """Return the samples of a scored folder as a data frame, a row a sample, a column a value.

    Columns ``video``, ``expression`` and ``groups`` (a list of slices) come first; undefined is NaN.
    ``load_scores(folder).to_parquet(file)`` writes them for other tools.

    Raises:
        UsageError: pandas is not installed.
        DataError: The folder holds no scores.
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
