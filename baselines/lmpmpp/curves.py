"""Loss curves of all stages as one picture."""

import json
from pathlib import Path


def draw_curves(folder: Path, picture: Path) -> None:
    """Draw every stage's curve (``<folder>/<stage>.json``) side by side; nothing without matplotlib."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    curves = {p.stem: json.loads(p.read_text()) for p in sorted(folder.glob("*.json"))}
    curves = {name: curve for name, curve in curves.items() if isinstance(curve, list) and curve}
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
    figure.savefig(picture, dpi=100)
    pyplot.close(figure)
