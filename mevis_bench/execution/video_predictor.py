"""Prediction of videos with one loaded method, stored as they come. Every executor runs this, wherever it runs."""

import errno
import hashlib
import random
import sys
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import numpy as np

from mevis_bench.data.registry import open_dataset
from mevis_bench.execution.compilation import compile_layers
from mevis_bench.execution.failures import failure_text, failure_traceback
from mevis_bench.execution.instantiate import instantiate_method
from mevis_bench.execution.jobs import PredictionJob, PredictorConfig, ResourceUsage
from mevis_bench.execution.perturbation import NONE, WORDS, PerturbedMethod, other_expressions
from mevis_bench.execution.profiling import measure_resource_usage
from mevis_bench.execution.threads import one_thread
from mevis_bench.execution.timed_video import Decoding, TimedVideo
from mevis_bench.methods.bridges import INNER_TASK, apply_bridge, unwrap
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.methods.prompt_sequence import PromptSequence
from mevis_bench.records import (
    DataError,
    Expression,
    Method,
    MethodConfig,
    MethodError,
    Prediction,
    Prompt,
    TextPrompt,
)
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.retry import MethodUnavailableError
from mevis_bench.schemas.samples import SampleStatus
from mevis_bench.store.prediction_file import PredictionFile
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.tasks import find_task


class VideoPredictor:
    """One method, loaded once, and the run folder that its predictions go to."""

    def __init__(self, config: PredictorConfig, dataset: Dataset | None = None) -> None:
        """Load the method.

        Args:
            config: Arguments of all videos.
            dataset: The split, where this process has opened it; ``None``: it is opened.

        Raises:
            MevisBenchError: It cannot be loaded, or the split cannot be opened.
        """
        self.config = config
        self.split = dataset or open_dataset(config.data, config.split, config.data_set)
        self.folder = RunFolder(config.out)
        with ExitStack() as stack:
            stack.enter_context(self.folder.writer())
            stack.enter_context(one_thread(config.device))
            self.method: Method = _load(config)
            self._resources = stack.pop_all()
        self._task = find_task(config.task)
        oracle = config.bridge is not None and config.bridge.name == "oracle_text"
        self._prompt_task = find_task(INNER_TASK) if oracle else self._task

    def predict(self, job: PredictionJob, on_read: Callable[[str], None] | None = None) -> Iterator[SampleStatus]:
        """Predict every sample of one video; yield a status when its prediction is on disk.

        A sample that fails does not change the others. A frame that cannot be read fails all that is left of the video.

        Args:
            job: The video and its expressions.
            on_read: Called with the expression's id when the method reads a further prompt.

        Raises:
            MethodUnavailableError: The method's process keeps failing.
            OSError: The disk is full.
        """
        try:
            video = TimedVideo.of(self.split.video(job.video_id))
            expressions = {expression.id: expression for expression in self.split.expressions(job.video_id)}
            path = self.folder.predictions_path(job.video_id)
            predictions = PredictionFile(path, list(expressions), again=job.expression_ids)
        except DataError as error:
            yield from (_failed(job, expression_id, error, _SampleTimer()) for expression_id in job.expression_ids)
            return
        with closing(predictions):
            pending = yield from self._prompts(job, expressions)
            one_by_one = job.one_by_one
            while pending:
                batch = _batch(pending[:1] if one_by_one else pending, on_read)
                try:
                    done, ambiguous = yield from self._predict_batch(video, batch, job, predictions)
                except _UnreadableFrameError as unreadable:
                    del pending[: unreadable.position]
                    yield from (_failed(job, prompt.id, unreadable.error, _SampleTimer()) for prompt in pending)
                    return
                del pending[:done]
                one_by_one = one_by_one or ambiguous

    def close(self) -> ResourceUsage:
        """Release the method's resources and return what it used.

        A method that fails here changes no prediction, so this is a warning.
        """
        usage = measure_resource_usage(self.method, self.config.device)
        try:
            self.method.close()
        except (Exception, SystemExit) as error:
            warnings.warn(f"the method could not be closed: {failure_text(error)}", RuntimeWarning, stacklevel=2)
        self._resources.close()
        return usage

    def _prompts(
        self, job: PredictionJob, expressions: Mapping[str, Expression]
    ) -> Generator[SampleStatus, None, list[Prompt]]:
        """Return the prompts of a job; yield the failure of those that cannot be made."""
        prompts = []
        for expression_id in job.expression_ids:
            timer = _SampleTimer()
            try:
                prompts.append(self._prompt(job.video_id, expressions[expression_id]))
            except DataError as error:
                yield _failed(job, expression_id, error, timer)
        return prompts

    def _prompt(self, video_id: str, expression: Expression) -> Prompt:
        source = self._prompt_source(video_id, expression)
        if self.config.method.spec.oracle_text:
            return TextPrompt(expression.id, source.text)
        return replace(self._prompt_task.make_prompt(self.split, video_id, source), id=expression.id)

    def _prompt_source(self, video_id: str, expression: Expression) -> Expression:
        """Return the expression whose prompt the method gets: its own, or with ``--perturb words`` another one's."""
        if self.config.perturb != WORDS:
            return expression
        expressions = {each.id: each for each in self._task.expressions(self.split, video_id)}
        return expressions[other_expressions(list(expressions), video_id, self.config.seed)[expression.id]]

    def _predict_batch(
        self, video: TimedVideo, prompts: PromptSequence, job: PredictionJob, predictions: PredictionFile
    ) -> Generator[SampleStatus, None, tuple[int, bool]]:
        """Make one ``predict`` call; it ends at the first exception of the method.

        Returns:
            Number of prompts that are done, and whether the next one failed or another one (not known which).
        """
        seed = self._video_seed(video.id)
        outputs: Iterator[Prediction] | None = None
        for position, prompt in enumerate(prompts.unmarked()):
            timer = _SampleTimer(video.decoding)
            try:
                self._seed_everything(seed)
                if outputs is None:
                    outputs = iter(self.method.predict(video, prompts))
                prediction = _next(outputs, last=position == len(prompts) - 1)
            # sys.exit and asyncio's cancellation fail their sample like any other exception; Ctrl-C is the user's.
            except BaseException as error:
                if isinstance(error, (KeyboardInterrupt, MethodUnavailableError)):
                    raise
                if video.decoding.error is not None:
                    raise _UnreadableFrameError(video.decoding.error, position) from error
                if _is_out_of_memory(error):
                    if self._reduce_batch_size():
                        return position, False
                    error = _out_of_memory(error, video, self.config.device)
                if prompts.is_ambiguous(position):
                    return position, True
                yield _failed(job, prompt.id, error, timer)
                return position + 1, False
            timer.mark_predicted()
            yield self._store(video, prompt, prediction, job, predictions, timer)
        return len(prompts), False

    def _store(
        self,
        video: TimedVideo,
        prompt: Prompt,
        prediction: Prediction,
        job: PredictionJob,
        predictions: PredictionFile,
        timer: "_SampleTimer",
    ) -> SampleStatus:
        try:
            validate_prediction(prediction, self.config.task, video)
            predictions.add(prompt.id, prediction)
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            return _failed(job, prompt.id, error, timer)
        return SampleStatus(f"{video.id}/{prompt.id}", "ok", *timer.elapsed(), len(video))

    def _video_seed(self, video_id: str) -> int:
        """Return the seed of a video's samples; it does not depend on what was predicted before."""
        return int.from_bytes(hashlib.sha256(f"{self.config.seed}/{video_id}".encode()).digest()[:4])

    def _seed_everything(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)
        if "torch" in sys.modules:
            torch = sys.modules["torch"]
            # torch.manual_seed also queues a seeding of every GPU, with a traceback each: a millisecond for nothing.
            on_gpu = self.config.device.startswith("cuda")
            (torch.manual_seed if on_gpu else torch.default_generator.manual_seed)(seed)

    def _reduce_batch_size(self) -> bool:
        """Have the method work in smaller chunks, where it can (an optional ``reduce_memory() -> bool``)."""
        reduce = getattr(unwrap(self.method), "reduce_memory", None)
        if "torch" in sys.modules and self.config.device.startswith("cuda"):
            sys.modules["torch"].cuda.empty_cache()
        return reduce is not None and bool(reduce())


def _load(config: PredictorConfig) -> Method:
    method_task = INNER_TASK if config.bridge else config.task
    method = instantiate_method(
        config.method.method,
        MethodConfig(method_task, config.method.variant, config.options, config.weights, config.device, config.seed),
    )
    if config.compile:
        compile_layers(method, config.method.name)
    if config.bridge is not None:
        method = apply_bridge(method, config.bridge, config.device)
    if config.perturb in (NONE, WORDS):
        return method
    return PerturbedMethod(method, config.task, config.perturb, config.seed)


def _batch(prompts: Sequence[Prompt], on_read: Callable[[str], None] | None) -> PromptSequence:
    ids = [prompt.id for prompt in prompts]
    return PromptSequence.of(tuple(prompts), on_read and (lambda index: on_read(ids[index])))


class _UnreadableFrameError(Exception):
    """No more samples of this video can be predicted, from ``position`` of the batch on."""

    def __init__(self, error: DataError, position: int) -> None:
        self.error, self.position = error, position


class _SampleTimer:
    """Timer of one sample: from the prompt to the prediction, and to the prediction on disk."""

    def __init__(self, decoding: Decoding | None = None) -> None:
        self._decoding = decoding or Decoding()
        self._decoded = self._decoding.seconds
        self._start = time.perf_counter()
        self._model = 0.0

    def mark_predicted(self) -> None:
        """Record that the method has returned its prediction."""
        self._model = time.perf_counter() - self._start - (self._decoding.seconds - self._decoded)

    def elapsed(self) -> tuple[float, float]:
        """Return seconds in all, and inside the method without decoding."""
        return round(time.perf_counter() - self._start, 6), round(self._model, 6)


def _failed(job: PredictionJob, expression_id: str, error: BaseException, timer: _SampleTimer) -> SampleStatus:
    sample = f"{job.video_id}/{expression_id}"
    seconds = timer.elapsed()
    return SampleStatus(sample, "failed", *seconds, job.frames, failure_text(error), failure_traceback(error))


def _next(outputs: Iterator[Prediction], *, last: bool) -> Prediction:
    try:
        prediction = next(outputs)
    except StopIteration:
        raise MethodError("the method returned fewer predictions than there are prompts") from None
    if last and next(outputs, None) is not None:
        raise MethodError("the method returned more predictions than there are prompts")
    return prediction


def _out_of_memory(error: BaseException, video: TimedVideo, device: str) -> MethodError:
    first_line = str(error).partition("\n")[0]
    return MethodError(
        f"{device} does not have enough memory for {len(video)} frames of {video.width} x {video.height} pixels"
        + (f" ({first_line})" if first_line else ""),
        hint="Choose a smaller variant (mevis-bench list methods --sizes), --set method.precision=bfloat16 where the "
        "method has it, or --device cpu.",
    )


def _is_out_of_memory(error: BaseException) -> bool:
    """Torch's error is recognized by its name, so that torch need not be imported here."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
