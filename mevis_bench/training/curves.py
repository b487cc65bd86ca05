"""Curves of a stage: JSON and PNG, TensorBoard events and Weights & Biases where these are installed.

``<out>/curves/<stage>.json`` is a :class:`StageCurves`.
"""

import importlib.util
import os
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from mevis_bench.files.atomic import atomic_write
from mevis_bench.schemas.json_files import encode_document
from mevis_bench.schemas.stage_state import StageCurves, StageState

FOLDER = "curves"


class CurveFiles:
    """Curves of one stage; used as a context.

    TensorBoard events go to ``<out>/tensorboard/<stage>``. Weights & Biases is used only where the environment names a
    project (``WANDB_PROJECT``), because it may send data away.

    Args:
        out: Folder of the training.
        stage: Name of the stage.
        first_step: Events of later steps, left by a killed process, are replaced.
    """

    def __init__(self, out: Path, stage: str, first_step: int) -> None:
        self._out, self._stage = out, stage
        self._events: Any = None
        self._run: Any = None
        if importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            folder = str(out / "tensorboard" / stage)
            self._events = SummaryWriter(folder, purge_step=first_step + 1)
        if "WANDB_PROJECT" in os.environ and importlib.util.find_spec("wandb") is not None:
            import wandb

            self._run = wandb.init(dir=str(out), name=f"{out.name}-{stage}", id=f"{out.name}-{stage}", resume="allow")

    def __enter__(self) -> "CurveFiles":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._events is not None:
            self._events.close()
        if self._run is not None:
            self._run.finish()

    def add(self, step: int, values: dict[str, float]) -> None:
        """Record values of a step as events."""
        if self._events is not None:
            for name, value in values.items():
                self._events.add_scalar(name, value, step)
        if self._run is not None:
            self._run.log(values, step=step)

    def write(self, state: StageState) -> None:
        """Write the JSON file."""
        text = encode_document(StageCurves(state.curve, state.evaluations), indent=1)
        atomic_write(self._out / FOLDER / f"{self._stage}.json", text, durable=False)

    def draw(self, state: StageState) -> None:
        """Draw losses and metrics as PNG; nothing without matplotlib."""
        if importlib.util.find_spec("matplotlib") is None:
            return
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        curves = [
            (name, points) for name, points in (("losses", state.curve), ("evaluation", state.evaluations)) if points
        ]
        figure = Figure(figsize=(5 * max(1, len(curves)), 3.5), layout="constrained")
        FigureCanvasAgg(figure)
        for number, (title, points) in enumerate(curves, 1):
            axis = figure.add_subplot(1, len(curves), number)
            for name in sorted({name for point in points for name in point} - {"step"}):
                shown = [point for point in points if name in point]
                steps, values = (np.array([point[key] for point in shown], float) for key in ("step", name))
                axis.plot(steps, values, label=name)
            axis.set(title=f"{self._stage}: {title}", xlabel="step", yscale="log" if title == "losses" else "linear")
            axis.legend(fontsize="x-small")
        path = self._out / FOLDER / f"{self._stage}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=100)
