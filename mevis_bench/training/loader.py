"""Micro-batches of a stage in order, drawn here or ahead of time in worker processes."""

import itertools
import multiprocessing
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

import torch

from mevis_bench.records import MevisBenchError, UsageError
from mevis_bench.records.training import SamplePosition, TrainingStage
from mevis_bench.training.random_seeds import sample_generator

MicroBatchKey = tuple[int, int]
"""Step, and micro-batch of the step numbered over all processes."""


@dataclass(frozen=True, slots=True, eq=False)
class MicroBatch:
    """Samples of one backward pass.

    Attributes:
        number: Number in its step, over all processes.
        names: Names of the samples.
        batch: The collated samples.
    """

    number: int
    names: list[str]
    batch: Any


class MicroBatches:
    """Micro-batches by key.

    Args:
        stage: The stage.
        seed: Seed of the training.
        processes: Processes of the training.

    Raises:
        UsageError: A step cannot be divided into micro-batches of equal size.
    """

    def __init__(self, stage: TrainingStage, seed: int, processes: int) -> None:
        parts = processes * stage.accumulation
        if stage.batch_size % parts:
            raise UsageError(
                f"stage '{stage.name}': a batch of {stage.batch_size} samples cannot be divided among {processes} "
                f"processes with {stage.accumulation} micro-batches each",
                hint=f"Use a multiple of {parts} samples, or another number of processes.",
            )
        self._stage, self._seed, self._size = stage, seed, stage.batch_size // parts

    def __getitem__(self, key: MicroBatchKey) -> MicroBatch:
        step, number = key
        first = number * self._size
        samples = [self._draw(SamplePosition(step, index)) for index in range(first, first + self._size)]
        names = [self._name(sample, first + offset) for offset, sample in enumerate(samples)]
        return MicroBatch(number, names, self._stage.collate(samples))

    def _draw(self, position: SamplePosition) -> Any:
        return self._stage.sample(sample_generator(self._seed, self._stage.name, position), position)

    def _name(self, sample: Any, index: int) -> str:
        return self._stage.sample_name(sample) or f"sample {index}"


def micro_batches(
    stage: TrainingStage, seed: int, first_step: int, *, rank: int, processes: int, workers: int
) -> Generator[MicroBatch]:
    """Yield this process's micro-batches from a step on.

    Args:
        stage: The stage.
        seed: Seed of the training.
        first_step: First optimizer step.
        rank: Number of this process.
        processes: Number of processes.
        workers: Worker processes that draw samples ahead of time; 0: drawn here.

    Raises:
        UsageError: See :class:`MicroBatches`.
        MevisBenchError: A sample cannot be drawn, or a worker was killed.
    """
    dataset = MicroBatches(stage, seed, processes)
    keys = (
        (step, turn * processes + rank) for step in range(first_step, stage.steps) for turn in range(stage.accumulation)
    )
    yield from _load_ahead(dataset, keys, workers) if workers else map(dataset.__getitem__, keys)


PREFETCHED = 2
"""Micro-batches per worker that are drawn ahead of time."""


def _load_ahead(dataset: MicroBatches, keys: Iterator[MicroBatchKey], workers: int) -> Iterator[MicroBatch]:
    """Draw micro-batches in worker processes, in order.

    A pool of the standard library: torch's DataLoader reports a lost worker from a signal handler, anywhere in the
    training, and wraps errors in new ones. Workers are forked, because samples are drawn by closures over open splits.
    """
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(dataset,))
    pending: deque[Future[MicroBatch]] = deque()
    try:
        for key in itertools.islice(keys, workers * PREFETCHED):
            pending.append(pool.submit(_draw_in_worker, key))
        while pending:
            loaded = pending.popleft().result()
            for key in itertools.islice(keys, 1):
                pending.append(pool.submit(_draw_in_worker, key))
            yield loaded
    except BrokenProcessPool as error:
        raise MevisBenchError(
            "a worker process that loads data was lost",
            hint="It may have run out of memory. The same command continues from the last checkpoint.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_dataset: MicroBatches | None = None
"""Batches that this loader process draws from."""


def _start_worker(dataset: MicroBatches) -> None:
    global _dataset
    _dataset = dataset
    torch.set_num_threads(1)


def _draw_in_worker(key: MicroBatchKey) -> MicroBatch:
    assert _dataset is not None
    return _dataset[key]
