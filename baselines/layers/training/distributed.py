"""Several processes that make each training step together (started by torchrun), or one alone."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.distributed.nn.functional import all_gather


@dataclass(frozen=True, slots=True)
class DistributedContext:
    """All processes of a training, seen from one of them.

    Attributes:
        rank: Which one this is, 0..count - 1; 0 alone writes files and reports.
        count: How many there are.
    """

    rank: int = 0
    count: int = 1

    @classmethod
    def joined(cls, device: str) -> "DistributedContext":
        """Join the processes that torchrun started with this one; alone where it did not start it."""
        if "RANK" not in os.environ:
            return cls()
        if not distributed.is_initialized():
            distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size())

    def device(self, device: str) -> str:
        """Return this process's own device where all were told ``cuda``."""
        return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and self.count > 1 else device

    def gather(self, rows: Tensor) -> Tensor:
        """Join the rows ``(n_i, ...)`` of all processes, in the order of rank; gradients find their way back."""
        if self.count == 1:
            return rows
        counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(self.count)]
        distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
        longest = max(int(count) for count in counts)
        padded = torch.cat((rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])))
        return torch.cat([part[: int(n)] for part, n in zip(all_gather(padded), counts, strict=True)])

    def mean(self, value: Tensor) -> Tensor:
        """Mean of one number over the processes, without gradient."""
        total = value.detach().clone()
        if self.count > 1:
            distributed.all_reduce(total)
        return total / self.count

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace every gradient by its mean over the processes, in place.

        One that some processes lack counts as 0 there; one that all lack stays absent, as it would be in one process.
        """
        if self.count == 1 or not parameters:
            return
        holders = torch.tensor([float(p.grad is not None) for p in parameters], device=parameters[0].device)
        distributed.all_reduce(holders)
        for parameter, held in zip(parameters, holders.tolist(), strict=True):
            if held:
                if parameter.grad is None:
                    parameter.grad = torch.zeros_like(parameter)
                distributed.all_reduce(parameter.grad)
                parameter.grad /= self.count


SINGLE_PROCESS = DistributedContext()
