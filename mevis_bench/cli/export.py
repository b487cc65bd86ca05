"""``mevis-bench export``: results for other tools."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run folder.")],
    to: Annotated[
        str, typer.Option("--to", metavar="parquet|tensorboard|wandb|mlflow", help="Which tool; packages may add more.")
    ],
) -> None:
    """Hand a scored run to another tool: parquet, TensorBoard, Weights & Biases, MLflow."""
    from mevis_bench.cli import console
    from mevis_bench.reports.exports import export

    console.out().print(export(run, to), markup=False, soft_wrap=True)
