"""The plain executor: one video after another, in this process.

What a method starts here, ends with this process when that is killed; as long as it lives, it belongs to the method.
"""

from collections.abc import Callable, Iterator, Sequence

from mevis_bench.execution.guardian import Guardian
from mevis_bench.execution.jobs import PredictionJob, PredictorConfig, ResourceUsage
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records.dataset import Dataset
from mevis_bench.schemas.samples import SampleStatus


class Inline:
    """Predicts in this process, in the order given.

    Args:
        dataset: The split of the run, which this process has opened.
    """

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def execute(
        self,
        config: PredictorConfig,
        jobs: Sequence[PredictionJob],
        report_usage: Callable[[ResourceUsage], None],
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``."""
        guardian = Guardian()
        try:
            with guardian.marking():
                predictor = VideoPredictor(config, self._dataset)
                try:
                    for job in jobs:
                        yield from predictor.predict(job)
                finally:
                    report_usage(predictor.close())
        finally:
            guardian.release()
