"""MLflow export: aggregates as metrics, both score files as artifacts."""

import re
from collections.abc import Sequence
from pathlib import Path

from mevis_bench.schemas.scores import Results, SampleScore


def export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str:
    """Log to MLflow's configured tracking server; characters that MLflow rejects become ``_`` in names."""
    import mlflow

    mlflow.set_experiment("mevis-bench")
    with mlflow.start_run(run_name=run.resolve().name):
        mlflow.log_params(
            {"task": results.task, "protocol": results.protocol, "split": results.split, **results.method}
        )
        mlflow.log_metrics({_name(name): value for name, value in results.metrics.items() if value is not None})
        for file in ("results.json", "scores.jsonl"):
            mlflow.log_artifact(str(run / file))
    return "MLflow, experiment mevis-bench"


def _name(metric: str) -> str:
    return re.sub(r"[^\w./ -]", "_", metric)
