"""``mevis-bench export``: results in the formats of other tools."""

from mevis_bench.cli import arguments, options


def command(run: arguments.AnyScoredRun, to: options.ExportTarget) -> None:
    """Export a scored run to Parquet, TensorBoard, Weights & Biases or MLflow."""
    from mevis_bench.cli import console
    from mevis_bench.reports.exports import export

    console.out().print(export(run, to), markup=False, soft_wrap=True)
