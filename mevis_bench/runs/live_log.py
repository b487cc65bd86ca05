"""Live progress of a run: TensorBoard where it is installed, Weights & Biases where ``WANDB_PROJECT`` is set."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from mevis_bench.runs.predict import RunCallback
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.schemas.scores import Results
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.training.curves import CurveFiles


class LiveLog:
    """Run callback that logs every sample and passes all events on; used as a context.

    Args:
        callback: The run's own callback.
        out: Folder of the run; events go to ``tensorboard/predict`` in it.
    """

    def __init__(self, callback: RunCallback, out: Path) -> None:
        self._callback, self._out = callback, out
        self._curves: CurveFiles | None = None
        self._resources = ExitStack()
        self._samples = self._failed = 0

    def __enter__(self) -> "LiveLog":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._resources.close()

    def on_run_start(self, folder: RunFolder, total: int, done: int) -> None:
        """Open the log; it continues that of an earlier session."""
        self._samples = done
        self._curves = self._resources.enter_context(CurveFiles(self._out, "predict", done))
        self._callback.on_run_start(folder, total, done)

    def on_sample_end(self, status: SampleStatus) -> None:
        """Log numbers of finished and failed samples, and the seconds of this one."""
        self._samples += 1
        self._failed += status.status == "failed"
        self._add({"samples": self._samples, "failed": self._failed, "seconds": status.seconds})
        self._callback.on_sample_end(status)

    def add_scores(self, results: Results) -> None:
        """Log the scores of the finished run."""
        scores = {name: value for name, value in results.metrics.items() if value is not None}
        self._add({f"{results.task}/{name}": value for name, value in scores.items()})

    def _add(self, values: dict[str, float]) -> None:
        if self._curves is not None:
            self._curves.add(self._samples, values)
