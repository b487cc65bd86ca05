"""A scored run, opened for a command: its own scores, or new ones where another split is requested by name."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli.option_groups import RunSplitOptions

if TYPE_CHECKING:
    from mevis_bench.reports.run_view import ScoredRun
    from mevis_bench.runs.run_split import OpenedSplit


def open_own_split(context: typer.Context, predictions: Path, split: RunSplitOptions) -> "OpenedSplit":
    """Open the split of predictions, see :func:`mevis_bench.runs.run_split.open_split`; says if it is another one.

    Raises:
        IncomparableError: The run was predicted on another split.
        UsageError: There is no such split.
        DataError: The manifest or the split's files are invalid.
    """
    from mevis_bench.cli.console import err
    from mevis_bench.runs.run_split import open_split

    opened = open_split(predictions, **asdict(split.without_variables(context, predictions)))
    if opened.predicted_on is not None:
        err().print(f"note: the run was predicted on {opened.predicted_on}", markup=False, soft_wrap=True)
    return opened


def open_scored_run(
    context: typer.Context, run: Path, split: RunSplitOptions, predictions: Path | None = None
) -> "ScoredRun":
    """Read the scores of a run; score it on another split where that is allowed, without writing.

    Args:
        context: The command, for the source of its options.
        run: The scored folder.
        split: The split; by default the run's own.
        predictions: The predictions, where they are not in ``run``.

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

    split = split.without_variables(context, run)
    opened = open_own_split(context, run, split)
    if opened.predicted_on is None:
        return read_scored_run(run, opened.dataset, predictions)
    scored = score_run(
        run,
        data=split.data,
        split=split.split,
        data_set=split.data_set,
        options=ScoringOptions(find_protocol(read_results(run).protocol)),
        allow_other_split=True,
        write=False,
    )
    return ScoredRun(run, opened.dataset, scored.results, scored.scores, opened.predicted_on)
