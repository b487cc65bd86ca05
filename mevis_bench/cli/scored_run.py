"""A scored run, opened for a command: its own scores, or new ones where another split is requested by name."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from mevis_bench.reports.run_view import ScoredRun
    from mevis_bench.runs.run_split import OpenedSplit


def open_own_split(
    context: typer.Context, predictions: Path, data: Path | None, split: str | None, allow_other_split: bool
) -> "OpenedSplit":
    """Open the split of predictions, see :func:`mevis_bench.runs.run_split.open_split`; says if it is another one.

    Raises:
        IncomparableError: The run was predicted on another split.
        UsageError: There is no such split.
        DataError: The manifest or the split's files are invalid.
    """
    from mevis_bench.cli.console import err
    from mevis_bench.runs.run_split import open_split

    data, split, _ = options.own_split_first(context, predictions, data, split)
    opened = open_split(predictions, data=data, split=split, allow_other_split=allow_other_split)
    if opened.predicted_on is not None:
        err().print(f"note: the run was predicted on {opened.predicted_on}", markup=False, soft_wrap=True)
    return opened


def open_scored_run(
    context: typer.Context, run: Path, data: Path | None, split: str | None, allow_other_split: bool
) -> "ScoredRun":
    """Read the scores of a run; score it on another split where that is allowed, without writing.

    Raises:
        IncomparableError: The run was predicted or scored on another split.
        UsageError: There is no such run or split.
        DataError: The scores or the predictions cannot be read.
    """
    from mevis_bench.metrics.protocols import find_protocol
    from mevis_bench.metrics.scoring_options import ScoringOptions
    from mevis_bench.reports.run_view import ScoredRun, read_scored_run
    from mevis_bench.runs.score import score_run
    from mevis_bench.store.score_files import read_results

    opened = open_own_split(context, run, data, split, allow_other_split)
    if opened.predicted_on is None:
        return read_scored_run(run, opened.dataset)
    scored = score_run(
        run,
        data=data,
        split=split,
        options=ScoringOptions(find_protocol(read_results(run).protocol)),
        allow_other_split=True,
        write=False,
    )
    return ScoredRun(run, opened.dataset, scored.results, scored.scores, opened.predicted_on)
