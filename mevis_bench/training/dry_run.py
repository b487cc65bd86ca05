"""Dry runs: ten real steps of every stage, and what they cost."""

import resource
import statistics
import time
from dataclasses import dataclass

import torch

from mevis_bench.records.training import TrainingStage
from mevis_bench.training.loader import micro_batches
from mevis_bench.training.loop import StageTraining
from mevis_bench.training.processes import Processes

STEPS = 10


@dataclass(frozen=True, slots=True)
class GroupReport:
    """One parameter group.

    Attributes:
        name: Its name.
        parameters: Numbers that are trained.
        rate: Learning rate where the schedule's factor is 1.
        weight_decay: Weight decay.
    """

    name: str
    parameters: int
    rate: float
    weight_decay: float


@dataclass(frozen=True, slots=True)
class StageReport:
    """One stage.

    Attributes:
        name: Its name.
        groups: Its parameter groups.
        frozen_parameters: Numbers of the module that are not trained.
        steps: Optimizer steps.
        batch_size: Samples per step.
        peak_memory: Bytes at the peak of a step: on CUDA allocated by torch, else resident in this process.
        seconds_per_step: Median of the measured steps, the first one left out.
        losses: Losses of the first step.
    """

    name: str
    groups: tuple[GroupReport, ...]
    frozen_parameters: int
    steps: int
    batch_size: int
    peak_memory: int
    seconds_per_step: float
    losses: dict[str, float]

    @property
    def samples(self) -> int:
        """Samples of the whole stage."""
        return self.steps * self.batch_size

    @property
    def seconds(self) -> float:
        """Estimated seconds of the whole stage."""
        return self.steps * self.seconds_per_step


class DryRunTrainer:
    """See :class:`mevis_bench.records.training.Trainer`; writes nothing.

    Args:
        processes: Processes of the training.
        seed: Seed of everything random.
        workers: Worker processes that draw samples.
    """

    def __init__(self, processes: Processes, seed: int, workers: int = 0) -> None:
        self.reports: list[StageReport] = []
        self._processes, self._seed, self._workers = processes, seed, workers

    @property
    def is_main_process(self) -> bool:
        """See :class:`mevis_bench.records.training.Trainer`."""
        return self._processes.rank == 0

    def fit(self, stage: TrainingStage) -> None:
        """Make ten steps, or all where there are fewer."""
        processes = self._processes
        stage.module.train()
        on_cuda = processes.device.type == "cuda"
        if on_cuda:
            torch.cuda.reset_peak_memory_stats(processes.device)
        training = StageTraining(stage, processes, self._seed)
        batches = micro_batches(
            stage, self._seed, 0, rank=processes.rank, processes=processes.count, workers=self._workers
        )
        seconds, losses = [], []
        for step in range(min(STEPS, stage.steps)):
            start = time.perf_counter()
            losses.append(training.run_step(step, batches))
            seconds.append(time.perf_counter() - start)
        batches.close()
        stage.module.eval()
        processes.release()
        peak = (
            torch.cuda.max_memory_allocated(processes.device)
            if on_cuda
            else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        )
        trained = sum(parameter.numel() for parameter in training.trained.values())
        groups = tuple(
            GroupReport(group.name, sum(p.numel() for p in group.parameters), group.rate, group.weight_decay)
            for group in stage.groups
        )
        self.reports.append(
            StageReport(
                name=stage.name,
                groups=groups,
                frozen_parameters=sum(p.numel() for p in stage.module.parameters()) - trained,
                steps=stage.steps,
                batch_size=stage.batch_size,
                peak_memory=peak,
                seconds_per_step=statistics.median(seconds[1:] or seconds),
                losses=losses[0],
            )
        )
