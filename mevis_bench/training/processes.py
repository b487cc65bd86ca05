"""Device and processes of a training, by Hugging Face Accelerate: alone, or one of those that torchrun started."""

import contextlib
import os
from collections.abc import Iterable, Mapping

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from accelerate.utils import gather_object
from torch import Tensor, nn


class Processes:
    """All processes of a training, seen from one of them.

    Args:
        device: Torch device string; ``cuda`` is each process's own device where torchrun started several.
    """

    def __init__(self, device: str) -> None:
        kind, _, index = device.partition(":")
        if kind == "cuda" and "LOCAL_RANK" not in os.environ:
            torch.cuda.set_device(int(index or 0))
        if AcceleratorState._shared_state and "LOCAL_RANK" not in os.environ:
            # Accelerate keeps the first device of a Python process; a notebook may train on another one next.
            AcceleratorState._reset_state(reset_partial_state=True)
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        self._accelerator = Accelerator(cpu=kind == "cpu", kwargs_handlers=[unused])

    @property
    def rank(self) -> int:
        """Number of this process, 0..count-1."""
        rank: int = self._accelerator.process_index
        return rank

    @property
    def count(self) -> int:
        """Number of processes."""
        count: int = self._accelerator.num_processes
        return count

    @property
    def device(self) -> torch.device:
        """Device of this process."""
        device: torch.device = self._accelerator.device
        return device

    def wrap(self, module: nn.Module) -> nn.Module:
        """Move a module to the device; several processes average its gradients in ``backward``."""
        wrapped: nn.Module = self._accelerator.prepare_model(module)
        return wrapped

    def release(self) -> None:
        """Forget wrapped modules."""
        self._accelerator.free_memory()

    def without_averaging(self, wrapped: nn.Module) -> contextlib.AbstractContextManager[None]:
        """Return a context in which ``backward`` only adds to this process's gradients."""
        context: contextlib.AbstractContextManager[None] = self._accelerator.no_sync(wrapped)
        return context

    def backward(self, loss: Tensor) -> None:
        """Compute gradients."""
        self._accelerator.backward(loss)

    def clip(self, parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
        """Scale the gradient to a norm of at most ``largest``; return its norm before."""
        norm: Tensor = self._accelerator.clip_grad_norm_(list(parameters), largest)
        return norm

    def means(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Mean of each scalar over the processes; every process has the same names."""
        names = sorted(values)
        stacked = torch.stack([values[name].detach().float() for name in names])
        averaged = self._accelerator.reduce(stacked, reduction="mean")
        return dict(zip(names, averaged.tolist(), strict=True))

    def gather_names(self, names: list[str]) -> list[str]:
        """Join lists of all processes."""
        joined: list[str] = gather_object(names)
        return joined

    def wait(self) -> None:
        """Wait until all processes are here."""
        self._accelerator.wait_for_everyone()
