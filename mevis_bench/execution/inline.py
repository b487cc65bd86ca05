"""The plain executor: one video after another, in this process."""

from collections.abc import Callable, Iterator, Sequence

from mevis_bench.execution.jobs import Costs, VideoWork, WorkPlan
from mevis_bench.execution.video_predictor import VideoWorker
from mevis_bench.store.sample_index import SampleStatus


class Inline:
    """Answers in this process, in the order given."""

    def execute(
        self, plan: WorkPlan, work: Sequence[VideoWork], costs: Callable[[Costs], None]
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``."""
        worker = VideoWorker(plan)
        try:
            for video in work:
                yield from worker.answer(video)
        finally:
            costs(worker.close())
