"""Weights & Biases export: aggregates as summary, samples as a table."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.schemas.scores import Results, SampleScore


def export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str:
    """Log one W&B run named after the folder; the destination is wandb's own configuration."""
    import wandb

    config = {"task": results.task, "protocol": results.protocol, "split": results.split, **results.method}
    columns = sorted({name for score in scores for name in score.values})
    rows = [[score.sample, *(score.values.get(name) for name in columns)] for score in scores]
    with wandb.init(project="mevis-bench", name=run.resolve().name, config=config) as session:
        session.summary.update({name: value for name, value in results.metrics.items() if value is not None})
        session.log({"samples": wandb.Table(columns=["sample", *columns], data=rows)})
    return "Weights & Biases, project mevis-bench"
