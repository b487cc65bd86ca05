"""Videos measured one after the other in many processes; the order of what comes out is that of what went in."""

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

SMALL = 10_000
"""Frames below which starting other processes costs more than it saves."""


def worker_count(wanted: int | None, frames: int, device: str) -> int:
    """Return how many processes to use: as many as wanted, else every core if there is enough to do on the CPU."""
    if wanted is not None:
        return wanted
    return len(os.sched_getaffinity(0)) if frames >= SMALL and device == "cpu" else 1


def map_in_order(work: Callable[[Job], Result], jobs: Iterable[Job], workers: int) -> Iterator[Result]:
    """Yield ``work(job)`` of every job, in order; with one worker, in this process.

    Jobs are taken a few at a time, so that not all of them are in memory at once.

    Raises:
        MevisBenchError: A worker process died.
    """
    if workers == 1:
        yield from map(work, jobs)
        return
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _leave_interrupts_to_the_parent)
    waiting: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            waiting.append(pool.submit(work, job))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise MevisBenchError("a scoring process was killed", hint="Out of memory? Use fewer --workers.") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
