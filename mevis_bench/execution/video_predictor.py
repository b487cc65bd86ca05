"""Answers videos with one loaded method and writes the predictions. Every executor runs this, wherever it runs."""

import errno
import hashlib
import random
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing

import numpy as np

from mevis_bench.data.registry import open_dataset
from mevis_bench.execution.instantiate import instantiate_method
from mevis_bench.execution.jobs import MethodUnavailableError, PredictionJob, ResourceUsage, WorkerConfig
from mevis_bench.execution.perturbation import (
    answering_frames,
    frame_order,
    perturbed_prompt,
    perturbed_video,
    put_back,
)
from mevis_bench.execution.profiling import measure_resource_usage
from mevis_bench.execution.timed_video import Decoding, TimedVideo
from mevis_bench.methods.bridges import INNER_TASK, cross
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.records import (
    DataError,
    Expression,
    MethodConfig,
    MethodError,
    MevisBenchError,
    Prediction,
    Prompt,
    TextPrompt,
    Video,
)
from mevis_bench.store.prediction_file import PredictionFile
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.sample_index import SampleStatus
from mevis_bench.tasks import find_task


class VideoPredictor:
    """One method, loaded once, and the folder its predictions go to."""

    def __init__(self, plan: WorkerConfig) -> None:
        """Load the method.

        Raises:
            MevisBenchError: It can't be loaded, or the split can't be opened.
        """
        self.plan = plan
        self.split = open_dataset(plan.data, plan.split, plan.data_set)
        self.folder = RunFolder(plan.out)
        self.task = find_task(plan.task)
        self.asked = find_task(INNER_TASK) if plan.bridge and plan.bridge.name == "oracle_text" else self.task
        inner = INNER_TASK if plan.bridge else plan.task
        setup = MethodConfig(inner, plan.chosen.variant, plan.options, plan.weights, plan.device, plan.seed)
        self.method = instantiate_method(plan.chosen.method, setup)
        if plan.bridge is not None:
            self.method = cross(self.method, plan.bridge, plan.device)

    def answer(self, work: PredictionJob) -> Iterator[SampleStatus]:
        """Answer every sample of one video; a status is yielded when its prediction is on disk.

        A sample that fails is told as failed, and the method is asked again for the ones behind it. A frame that can't
        be read fails all that is left of its video.

        Raises:
            MethodUnavailableError: The method can't be asked any more.
            OSError: The disk is full.
        """
        left = list(work.expression_ids)
        try:
            video = self.split.video(work.video_id)
            expressions = {expression.id: expression for expression in self.split.expressions(work.video_id)}
            prompts = [self._prompt(work.video_id, expressions[expression_id]) for expression_id in left]
            predictions = self._predictions(work)
        except DataError as error:
            yield from (self._failed(work, one, error, _Clock()) for one in left)
            return
        with closing(predictions):
            while left:
                try:
                    yield from self._ask(video, prompts[-len(left) :], work, left, predictions)
                except _UnreadableFrameError as reason:
                    yield from (self._failed(work, one, reason.fault, _Clock()) for one in left)
                    return

    def close(self) -> ResourceUsage:
        """Let the method give back what it holds, and say what was used."""
        costs = measure_resource_usage(self.method, self.plan.device)
        self.method.close()
        return costs

    def _ask(
        self, video: Video, prompts: Sequence[Prompt], work: PredictionJob, left: list[str], predictions: PredictionFile
    ) -> Iterator[SampleStatus]:
        """Ask about all that is left; return after the first failure. What was told is taken from ``left``."""
        order = frame_order(self.plan.perturb, video.id, len(video), self.plan.seed)
        source = answering_frames(order, len(video))
        shown = TimedVideo.of(perturbed_video(video, order))
        seed = self._seed_of(video.id)
        answers: Iterator[Prediction] | None = None
        while left:
            clock = _Clock(shown.decoding)
            try:
                self._seed(seed)
                if answers is None:
                    answers = iter(self.method.predict(shown, [perturbed_prompt(one, order) for one in prompts]))
                answer = _next(answers, last=len(left) == 1)
                clock.answered()
                validate_prediction(answer, self.plan.task, shown)
                predictions.add(left[0], put_back(answer, source))
            except Exception as error:
                if _is_full_disk(error) or isinstance(error, MethodUnavailableError):
                    raise
                if shown.decoding.fault is not None:
                    raise _UnreadableFrameError(shown.decoding.fault) from error
                if _is_out_of_memory(error) and self._reduce_batch_size():
                    return
                yield self._failed(work, left.pop(0), error, clock)
                return
            seconds, model_seconds = clock.stopped()
            sample = f"{video.id}/{left.pop(0)}"
            yield SampleStatus(sample, "ok", seconds, model_seconds, len(video))

    def _prompt(self, video_id: str, expression: Expression) -> Prompt:
        if self.plan.chosen.spec.oracle_text:
            return TextPrompt(expression.id, expression.text)
        return self.asked.make_prompt(self.split, video_id, expression)

    def _predictions(self, work: PredictionJob) -> PredictionFile:
        order = [expression.id for expression in self.split.expressions(work.video_id)]
        return PredictionFile(self.folder.predictions_path(work.video_id), order, again=work.expression_ids)

    def _failed(self, work: PredictionJob, expression_id: str, error: BaseException, clock: "_Clock") -> SampleStatus:
        told = str(error) if isinstance(error, MevisBenchError) else f"{type(error).__name__}: {error}"
        seconds, model_seconds = clock.stopped()
        sample = f"{work.video_id}/{expression_id}"
        return SampleStatus(sample, "failed", seconds, model_seconds, work.frames, told, _traceback(error))

    def _seed_of(self, video_id: str) -> int:
        """Return what a video's samples start from, so that who answers before does not matter."""
        return int.from_bytes(hashlib.sha256(f"{self.plan.seed}/{video_id}".encode()).digest()[:4])

    def _seed(self, seed: int) -> None:
        """Seed everything random."""
        random.seed(seed)
        np.random.seed(seed)
        if "torch" in sys.modules:
            torch = sys.modules["torch"]
            # torch.manual_seed also queues a seeding of every GPU, with a traceback each: a millisecond for nothing.
            on_gpu = self.plan.device.startswith("cuda")
            (torch.manual_seed if on_gpu else torch.default_generator.manual_seed)(seed)

    def _reduce_batch_size(self) -> bool:
        """Make the method work in smaller chunks where it can (an optional ``reduce_memory() -> bool``)."""
        reduce = getattr(self.method, "reduce_memory", None)
        if "torch" in sys.modules and self.plan.device.startswith("cuda"):
            sys.modules["torch"].cuda.empty_cache()
        return reduce is not None and bool(reduce())


class _UnreadableFrameError(Exception):
    """Nothing more can be asked about this video."""

    def __init__(self, fault: DataError) -> None:
        self.fault = fault


class _Clock:
    """Times one sample: from the question to the answer, and to the prediction on disk."""

    def __init__(self, decoding: Decoding | None = None) -> None:
        self._decoding = decoding or Decoding()
        self._decoded = self._decoding.seconds
        self._start = time.perf_counter()
        self._model = 0.0

    def answered(self) -> None:
        """The method has given its answer."""
        self._model = time.perf_counter() - self._start - (self._decoding.seconds - self._decoded)

    def stopped(self) -> tuple[float, float]:
        """Return seconds in all, and inside the method without decoding."""
        return round(time.perf_counter() - self._start, 6), round(self._model, 6)


def _next(answers: Iterator[Prediction], *, last: bool) -> Prediction:
    try:
        answer = next(answers)
    except StopIteration:
        raise MethodError("the method gave fewer answers than there were prompts") from None
    if last and next(answers, None) is not None:
        raise MethodError("the method gave more answers than there were prompts")
    return answer


def _is_full_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _is_out_of_memory(error: Exception) -> bool:
    """Torch's error is known by its name, so that torch need not be imported here."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def _traceback(error: BaseException) -> str | None:
    if isinstance(error, MevisBenchError):
        return None
    return "".join(traceback.format_exception(error)[-12:])
