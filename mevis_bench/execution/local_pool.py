"""Pool processes on this machine; videos are dispatched from one queue, the longest first.

A pool process that exits or times out fails the sample it was predicting and is replaced; its video goes on. Three such
failures in a row end the run.
"""

import math
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mevis_bench.execution.failures import sendable
from mevis_bench.execution.guardian import Guardian
from mevis_bench.execution.jobs import PredictionJob, PredictorConfig, ResourceUsage, longest_first
from mevis_bench.execution.parent_death import exit_with_parent
from mevis_bench.execution.process_group import describe_exit_code
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import MethodError, UsageError
from mevis_bench.records.retry import RESUME_HINT, RetryPolicy
from mevis_bench.schemas.samples import SampleStatus

_CONTEXT = multiprocessing.get_context("spawn")

_GONE = (EOFError, BrokenPipeError, ConnectionResetError)


@dataclass(slots=True)
class _PoolProcessHandle:
    """One pool process as the parent sees it.

    Attributes:
        index: Its number; it decides the CUDA device.
        process: The process.
        connection: Pipe to it.
        guardian: Kills it and everything it started.
        job: What it works on, without the samples that have ended; ``None``: nothing.
        last_read: The furthest expression whose prompt the method has read; ``None``: none of this job.
        last_message: When it last sent a message, monotonic seconds; ``None``: its method is loading.
    """

    index: int
    process: BaseProcess
    connection: Connection
    guardian: Guardian
    job: PredictionJob | None = None
    last_read: str | None = None
    last_message: float | None = None

    def kill(self) -> None:
        """Kill the process and everything it started."""
        self.process.kill()
        self.guardian.kill()
        self.process.join()


class LocalPool:
    """Predicts in pool processes."""

    def __init__(self, processes: int, timeout: float | None = None) -> None:
        """Create a pool; its processes start in ``execute``.

        Args:
            processes: Number of pool processes, >= 1.
            timeout: Seconds that one sample may take; ``None``: no limit. Loading the method has no limit.

        Raises:
            UsageError: The time-out is not a positive number.
        """
        if timeout is not None and not 0 < timeout < math.inf:
            raise UsageError(f"must be a positive number of seconds, got {timeout:g}", location="--timeout")
        self._count = processes
        self._timeout = timeout
        self._handles: list[_PoolProcessHandle] = []
        self._queue: deque[PredictionJob] = deque()
        self._retry = RetryPolicy()

    def execute(
        self,
        config: PredictorConfig,
        jobs: Sequence[PredictionJob],
        report_usage: Callable[[ResourceUsage], None],
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``."""
        self._queue = deque(longest_first(jobs))
        self._retry = RetryPolicy()
        self._handles = [_start(config, index) for index in range(min(self._count, len(jobs)))]
        try:
            for handle in self._handles:
                self._dispatch(handle)
            while any(handle.job is not None for handle in self._handles):
                ready = wait([handle.connection for handle in self._handles], timeout=self._poll_timeout())
                for handle in list(self._handles):
                    if handle.connection in ready:
                        yield from self._receive(handle, config)
                    elif self._timed_out(handle):
                        reason = f"timed out after {self._timeout:g} s (--timeout)"
                        yield from self._replace_crashed_process(handle, config, reason)
            for handle in self._handles:
                report_usage(_close(handle))
        finally:
            for handle in self._handles:
                handle.kill()

    def _dispatch(self, handle: _PoolProcessHandle) -> None:
        handle.job = self._queue.popleft() if self._queue else None
        handle.last_read = None
        if handle.job is not None:
            handle.connection.send(handle.job)

    def _receive(self, handle: _PoolProcessHandle, config: PredictorConfig) -> Iterator[SampleStatus]:
        try:
            kind, value = handle.connection.recv()
        except _GONE:
            handle.process.join()
            reason = f"the pool process {describe_exit_code(handle.process.exitcode or 0)}"
            yield from self._replace_crashed_process(handle, config, reason)
            return
        if kind == "error":
            raise value
        if kind == "read":
            handle.last_read = value
            return
        handle.last_message = time.monotonic()
        if kind == "done":
            self._dispatch(handle)
        elif kind == "status":
            assert handle.job is not None
            self._retry.record_success()
            ended = value.id.partition("/")[2]
            left = tuple(expression_id for expression_id in handle.job.expression_ids if expression_id != ended)
            handle.job = replace(handle.job, expression_ids=left)
            yield value

    def _replace_crashed_process(
        self, handle: _PoolProcessHandle, config: PredictorConfig, reason: str
    ) -> Iterator[SampleStatus]:
        """Fail the sample that the process was predicting, requeue the rest of its video and start a replacement."""
        handle.kill()
        job = handle.job
        if job is not None and job.expression_ids:
            first, *rest = job.expression_ids
            if handle.last_message is None:  # it was loading
                self._queue.appendleft(job)
                self._retry.record_failure(reason)
            elif not job.one_by_one and rest and handle.last_read != first:
                self._queue.appendleft(replace(job, one_by_one=True))
            else:
                self._retry.record_failure(reason)
                seconds = round(time.monotonic() - handle.last_message, 6)
                yield SampleStatus(f"{job.video_id}/{first}", "failed", seconds, 0.0, job.frames, reason)
                if rest:
                    self._queue.appendleft(replace(job, expression_ids=tuple(rest)))
        else:
            self._retry.record_failure(reason)
        self._retry.check("a pool process")
        replacement = _start(config, handle.index)
        self._handles[self._handles.index(handle)] = replacement
        self._dispatch(replacement)

    def _timed_out(self, handle: _PoolProcessHandle) -> bool:
        if self._timeout is None or handle.job is None or handle.last_message is None:
            return False
        return time.monotonic() - handle.last_message > self._timeout

    def _poll_timeout(self) -> float | None:
        return None if self._timeout is None else min(self._timeout / 4, 1.0)


def _start(config: PredictorConfig, index: int) -> _PoolProcessHandle:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_pool_process_main, args=(config, index, theirs), daemon=True)
    resource_tracker.ensure_running()  # multiprocessing's own, which serves all pool processes, is not marked
    guardian = Guardian()
    with guardian.marking():
        process.start()
    theirs.close()
    return _PoolProcessHandle(index, process, ours, guardian)


def _close(handle: _PoolProcessHandle) -> ResourceUsage:
    """Have a pool process report its resource usage and exit."""
    try:
        handle.connection.send(None)
        kind, value = handle.connection.recv()
        while kind in ("ready", "done"):  # a replacement for which no video was left is still loading
            kind, value = handle.connection.recv()
    except _GONE as error:
        handle.process.join()
        ending = describe_exit_code(handle.process.exitcode or 0)
        raise MethodError(
            f"all samples have ended, but a pool process {ending} before it reported its resource usage",
            hint=RESUME_HINT,
        ) from error
    if kind == "error":
        raise value
    usage: ResourceUsage = value
    return usage


def _pool_process_main(config: PredictorConfig, index: int, parent: Connection) -> None:
    """Predict videos until the parent sends ``None`` or ends."""
    exit_with_parent()
    # Ctrl-C reaches the whole terminal; the parent decides what becomes of its pool processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        predictor = VideoPredictor(replace(config, device=_own_device(config.device, index)))
        parent.send(("ready", None))
        while (job := parent.recv()) is not None:
            for status in predictor.predict(job, on_read=lambda expression_id: parent.send(("read", expression_id))):
                parent.send(("status", status))
            parent.send(("done", None))
        parent.send(("usage", predictor.close()))
    except _GONE:
        return
    except Exception as error:
        parent.send(("error", sendable(error)))


def _own_device(device: str, index: int) -> str:
    if device != "cuda":
        return device
    import torch

    return f"cuda:{index % torch.cuda.device_count()}"
