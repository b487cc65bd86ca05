"""Scoring processes: videos scored in parallel, results in the order of the videos."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from mevis_bench.execution.parent_death import exit_with_parent
from mevis_bench.records import MevisBenchError

Job = TypeVar("Job")
Result = TypeVar("Result")

MIN_FRAMES = 10_000
"""Frames below which starting scoring processes costs more than it saves."""


def process_count(requested: int | None, frames: int, device: str) -> int:
    """Return the number of scoring processes: as requested, else one per core for large splits on the CPU."""
    if requested is not None:
        return requested
    return len(os.sched_getaffinity(0)) if frames >= MIN_FRAMES and device == "cpu" else 1


def map_in_order(work: Callable[[Job], Result], jobs: Iterable[Job], processes: int) -> Iterator[Result]:
    """Yield ``work(job)`` of every job, in order; with one process, in this one.

    Jobs are submitted a few at a time, so that not all of them are in memory at once.

    Raises:
        MevisBenchError: A scoring process crashed.
    """
    if processes == 1:
        yield from map(work, jobs)
        return
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _initialize_process)
    pending: deque[Future[Result]] = deque()
    try:
        for job in jobs:
            pending.append(pool.submit(work, job))
            if len(pending) > 2 * processes:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    except BrokenProcessPool as error:
        raise MevisBenchError("a scoring process crashed", hint="If memory ran out, use fewer --workers.") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _initialize_process() -> None:
    exit_with_parent()
    # Ctrl-C reaches the whole terminal; the parent decides what becomes of its scoring processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
