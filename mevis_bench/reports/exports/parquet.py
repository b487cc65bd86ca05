"""Parquet export: one row per sample, in ``scores.parquet`` of the run folder."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.schemas.scores import Results, SampleScore


def export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str:
    """Write samples with the run's method and protocol as columns; slices are lists, undefined values null."""
    import pandas as pd

    facts = {"task": results.task, "protocol": results.protocol, "split": results.split, **results.method}
    rows = [{"sample": score.sample, "groups": list(score.groups), **facts, **score.values} for score in scores]
    path = run / "scores.parquet"
    pd.DataFrame(rows).to_parquet(path, index=False)
    return str(path)
