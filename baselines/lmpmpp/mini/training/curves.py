"""Loss curves of all stages in one figure."""

import json
from collections.abc import Sequence
from pathlib import Path


def draw_curves(folder: Path, stages: Sequence[str], figure_path: Path) -> None:
    """Plot the curves ``<folder>/<stage>.json`` side by side; no-op without curves or without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    files = {stage: folder / f"{stage}.json" for stage in stages}
    curves = {stage: json.loads(file.read_text()) for stage, file in files.items() if file.is_file()}
    if not curves:
        return
    figure, axes = pyplot.subplots(1, len(curves), figsize=(4 * len(curves), 3), squeeze=False)
    for axis, (name, curve) in zip(axes[0], curves.items(), strict=True):
        for loss in curve[0]:
            if loss != "step":
                axis.plot([point["step"] for point in curve], [point[loss] for point in curve], label=loss)
        axis.set(title=name, xlabel="step", yscale="log")
        axis.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(figure_path, dpi=100)
    pyplot.close(figure)
