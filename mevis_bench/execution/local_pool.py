"""Several worker processes on this machine; videos are handed out from one queue, the longest first.

A worker that dies or hangs fails the sample it was at, is started again, and its video goes on; three failures in a row
without an answer between them end the run. Every worker computes with as many threads as a run in one process would, so
that the number of workers does not change a bit; set ``OMP_NUM_THREADS`` to share the cores.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from mevis_bench.execution.jobs import PredictionJob, ResourceUsage, WorkerConfig
from mevis_bench.execution.process_group import ending
from mevis_bench.execution.video_predictor import VideoPredictor
from mevis_bench.records import MethodError
from mevis_bench.store.sample_index import SampleStatus

MAX_CONSECUTIVE_FAILURES = 3
"""Deaths in a row after which a run ends."""

_CONTINUE = "Everything finished before is on disk; the same command continues."

_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(slots=True)
class _WorkerHandle:
    """One worker process and what it is at; ``since`` it last told something, ``None`` while its method loads."""

    index: int
    process: BaseProcess
    connection: Connection
    video: PredictionJob | None = None
    since: float | None = None


class LocalPool:
    """Answers in worker processes.

    Attributes:
        workers: How many, >= 1.
        timeout: Seconds that one sample may take; ``None``: any time. Loading the method may take any time.
    """

    def __init__(self, workers: int, timeout: float | None = None) -> None:
        self.workers = workers
        self.timeout = timeout
        self._members: list[_WorkerHandle] = []
        self._queue: deque[PredictionJob] = deque()
        self._deaths = 0

    def execute(
        self, plan: WorkerConfig, work: Sequence[PredictionJob], costs: Callable[[ResourceUsage], None]
    ) -> Iterator[SampleStatus]:
        """See ``Executor.execute``."""
        self._queue = deque(sorted(work, key=lambda video: -video.frames * len(video.expression_ids)))
        self._deaths = 0
        self._members = [_start(plan, index) for index in range(min(self.workers, len(work)))]
        try:
            for member in self._members:
                self._hand_out(member)
            while any(member.video is not None for member in self._members):
                ready = wait([member.connection for member in self._members], timeout=self._timeout())
                for member in list(self._members):
                    if member.connection in ready:
                        yield from self._listen(member, plan)
                    elif self._is_late(member):
                        member.process.kill()
                        yield from self._replace_crashed_worker(member, plan, f"took longer than {self.timeout:g} s")
            for member in self._members:
                costs(_close(member))
        finally:
            for member in self._members:
                member.process.kill()
                member.process.join()

    def _hand_out(self, member: _WorkerHandle) -> None:
        member.video = self._queue.popleft() if self._queue else None
        if member.video is not None:
            member.connection.send(member.video)

    def _listen(self, member: _WorkerHandle, plan: WorkerConfig) -> Iterator[SampleStatus]:
        try:
            kind, value = member.connection.recv()
        except (EOFError, ConnectionResetError):
            member.process.join()
            yield from self._replace_crashed_worker(member, plan, f"the worker {ending(member.process.exitcode or 0)}")
            return
        if kind == "error":
            raise value
        member.since = time.monotonic()
        if kind == "ready":
            return
        if kind == "done":
            self._hand_out(member)
            return
        assert member.video is not None
        self._deaths = 0
        answered = value.id.partition("/")[2]
        left = tuple(one for one in member.video.expression_ids if one != answered)
        member.video = replace(member.video, expression_ids=left)
        yield value

    def _replace_crashed_worker(self, member: _WorkerHandle, plan: WorkerConfig, why: str) -> Iterator[SampleStatus]:
        """Fail the sample a dead worker was at, put the rest of its video first, and start another worker."""
        member.process.join()
        self._deaths += 1
        video = member.video
        if video is not None and video.expression_ids:
            first, *rest = video.expression_ids
            seconds = 0.0 if member.since is None else round(time.monotonic() - member.since, 6)
            yield SampleStatus(f"{video.video_id}/{first}", "failed", seconds, 0.0, video.frames, why)
            if rest:
                self._queue.appendleft(replace(video, expression_ids=tuple(rest)))
        if self._deaths >= MAX_CONSECUTIVE_FAILURES:
            raise MethodError(
                f"{MAX_CONSECUTIVE_FAILURES} workers in a row ended without an answer; the last: {why}",
                hint=_CONTINUE,
            )
        fresh = _start(plan, member.index)
        self._members[self._members.index(member)] = fresh
        self._hand_out(fresh)

    def _is_late(self, member: _WorkerHandle) -> bool:
        if self.timeout is None or member.video is None or member.since is None:
            return False
        return time.monotonic() - member.since > self.timeout

    def _timeout(self) -> float | None:
        return None if self.timeout is None else min(self.timeout / 4, 1.0)


def _start(plan: WorkerConfig, index: int) -> _WorkerHandle:
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_serve, args=(plan, index, theirs), daemon=True)
    process.start()
    theirs.close()
    return _WorkerHandle(index, process, ours)


def _close(member: _WorkerHandle) -> ResourceUsage:
    """Let a worker end once it has told its costs."""
    try:
        member.connection.send(None)
        kind, value = member.connection.recv()
        if kind == "ready":  # started when another one died, and no video was left for it
            kind, value = member.connection.recv()
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        member.process.join()
        why = ending(member.process.exitcode or 0)
        raise MethodError(f"no sample is left, but a worker {why} before it told its costs", hint=_CONTINUE) from error
    if kind == "error":
        raise value
    told: ResourceUsage = value
    return told


def _serve(plan: WorkerConfig, index: int, parent: Connection) -> None:
    """Answer videos until told to stop; ends when the parent is gone."""
    # Ctrl-C reaches the whole terminal; the parent decides what becomes of its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = VideoPredictor(replace(plan, device=_own_device(plan.device, index)))
        parent.send(("ready", None))
        while (video := parent.recv()) is not None:
            for status in worker.answer(video):
                parent.send(("status", status))
            parent.send(("done", None))
        parent.send(("costs", worker.close()))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        parent.send(("error", error))


def _own_device(device: str, index: int) -> str:
    if device != "cuda":
        return device
    import torch

    return f"cuda:{index % torch.cuda.device_count()}"
