"""TensorBoard export: aggregates and slices as scalars."""

from collections.abc import Sequence
from pathlib import Path

from mevis_bench.schemas.scores import Results, SampleScore


def export(run: Path, results: Results, scores: Sequence[SampleScore]) -> str:
    """Write one event file into ``<run>/tensorboard``; undefined values are left out."""
    from torch.utils.tensorboard import SummaryWriter

    folder = run / "tensorboard"
    with SummaryWriter(str(folder)) as writer:
        for name, value in results.metrics.items():
            if value is not None:
                writer.add_scalar(f"{results.task}/{name}", value)
        for slice_name, values in results.slices.items():
            for name, value in values.items():
                if value is not None:
                    writer.add_scalar(f"{results.task}/{slice_name}/{name}", value)
    return str(folder)
