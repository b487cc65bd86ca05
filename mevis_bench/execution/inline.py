"""The plain executor: one video after another, in this process."""

from collections.abc import Callable, Iterator, Sequence

from mevis_bench.execution.jobs import PredictionJob, ResourceUsage, WorkerConfig
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.store.sample_index import SampleStatus


class Inline:
    """Answers in this process, in the order given."""

    def execute(
        self, plan: WorkerConfig, work: Sequence[PredictionJob], costs: Callable[[ResourceUsage], None]
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``."""
        worker = VideoPredictor(plan)
        try:
            for video in work:
                yield from worker.answer(video)
        finally:
            costs(worker.close())
