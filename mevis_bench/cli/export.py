"""``mevis-bench export``: results in the formats of other tools."""

from pathlib import Path
from typing import Annotated

import typer


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A scored run folder.")],
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="parquet|tensorboard|wandb|mlflow", help="Target; installed packages may add more."
        ),
    ],
) -> None:
    """Export a scored run to Parquet, TensorBoard, Weights & Biases or MLflow."""
    from mevis_bench.cli import console
    from mevis_bench.reports.exports import export

    console.out().print(export(run, to), markup=False, soft_wrap=True)
