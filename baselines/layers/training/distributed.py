"""Values over the processes of a training; in a single process each function returns its own values."""

from collections.abc import Sequence

import torch
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_gather


def process_rank() -> int:
    """Number of this process, 0 in a single one."""
    return distributed.get_rank() if _is_distributed() else 0


def gather_rows(rows: Tensor) -> Tensor:
    """Join the rows ``(n_i, ...)`` of all processes, in the order of rank; gradients reach the process of each row."""
    if not _is_distributed():
        return rows
    counts = [torch.zeros(1, dtype=torch.long, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    longest = max(int(count) for count in counts)
    padded = torch.cat((rows, rows.new_zeros(longest - len(rows), *rows.shape[1:])))
    parts: Sequence[Tensor] = all_gather(padded)
    return torch.cat([part[: int(count)] for part, count in zip(parts, counts, strict=True)])


def average_count(count: Tensor) -> Tensor:
    """Mean over the processes of a scalar that a loss is divided by, at least 1.

    The trainer averages gradients over processes, so a sum divided by this becomes the global sum over the global
    count.
    """
    total = count.detach().float().clone()
    if _is_distributed():
        distributed.all_reduce(total)
        total /= distributed.get_world_size()
    return total.clamp(min=1)


def mean_over_processes(mean: Tensor, count: int) -> Tensor:
    """Scale a mean over the items of this process so that the trainer's mean over processes is one over all items.

    Args:
        mean: Scalar.
        count: Number of this process's items; processes may have different ones.
    """
    return mean * (count / average_count(mean.new_tensor(float(count))))


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
