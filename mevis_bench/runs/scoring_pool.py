"""Pool of scoring processes; results come in the order of the jobs."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from mevis_bench.records import MevisBenchError

Job = TypeVar("Job")
Result = TypeVar("Result")

MIN_FRAMES_FOR_POOL = 10_000
"""Number of frames below which starting processes costs more time than it saves."""


def worker_count(requested: int | None, frames: int, device: str) -> int:
    """Return the number of processes: the requested one, else one per core for many frames on the CPU, else 1."""
    if requested is not None:
        return requested
    return len(os.sched_getaffinity(0)) if frames >= MIN_FRAMES_FOR_POOL and device == "cpu" else 1


def map_in_order(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """Yield ``work(job)`` of every job, in order; with one worker, in this process.

    Jobs are submitted a few at a time, so that memory does not grow with their number.

    Raises:
        MevisBenchError: A scoring process crashed.
    """
    if workers == 1:
        yield from map(work, jobs)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _ignore_interrupts)
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise MevisBenchError("a scoring process crashed", hint="If memory ran out, use fewer --workers.") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
