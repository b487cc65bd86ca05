"""Data-parallel training in several processes started by torchrun, or in one."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather


@dataclass(frozen=True, slots=True)
class DistributedContext:
    """Position of this process among those of a training.

    Attributes:
        rank: 0 .. world_size - 1.
        world_size: Number of processes.
    """

    rank: int = 0
    world_size: int = 1

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes files and reports progress."""
        return self.rank == 0

    def device(self, device: str) -> str:
        """Device of this process: its own GPU if all were started with ``cuda``."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and self.world_size > 1 else device

    def gather(self, rows: Tensor) -> Tensor:
        """Concatenate the rows ``(n_i, ...)`` of all processes by rank; differentiable."""
        if self.world_size == 1:
            return rows
        counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(self.world_size)]
        distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
        longest = max(int(count) for count in counts)
        padded = torch.cat((rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])))
        parts: Sequence[Tensor] = all_gather(padded)  # type: ignore[no-untyped-call]
        return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])

    def mean(self, value: Tensor) -> Tensor:
        """Mean of a number over the processes, without gradient."""
        total = value.detach().clone()
        if self.world_size > 1:
            distributed.all_reduce(total)
        return total / self.world_size

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in place.

        A gradient that is missing in some processes counts as 0 there; one missing in all stays ``None``.
        """
        if self.world_size == 1 or not parameters:
            return
        holders = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        distributed.all_reduce(holders)
        for parameter, held in zip(parameters, holders.tolist(), strict=True):
            if held:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.world_size


SINGLE_PROCESS = DistributedContext()


def init_distributed(device: str) -> DistributedContext:
    """Join the processes started by torchrun (NCCL on CUDA, else Gloo); without torchrun: ``SINGLE_PROCESS``."""
    if "RANK" not in os.environ:
        return SINGLE_PROCESS
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    return DistributedContext(distributed.get_rank(), distributed.get_world_size())
