"""Exponential moving average of trained parameters."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor


class MovingAverage:
    """``average = decay * average + (1 - decay) * parameter`` after every step, starting from the first weights.

    Args:
        trained: The parameters by name.
        decay: 0..1.
    """

    def __init__(self, trained: Mapping[str, Tensor], decay: float) -> None:
        self._trained = trained
        self._decay = decay
        self.tensors = {name: value.detach().clone() for name, value in trained.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Include the current weights."""
        for name, value in self._trained.items():
            self.tensors[name].lerp_(value, 1 - self._decay)

    @torch.no_grad()
    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the average of a checkpoint."""
        for name, value in tensors.items():
            self.tensors[name].copy_(value)

    @torch.no_grad()
    def write(self) -> None:
        """Replace the weights by their average."""
        for name, value in self._trained.items():
            value.copy_(self.tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Replace the weights by their average inside the context."""
        current = {name: value.detach().clone() for name, value in self._trained.items()}
        self.write()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, value in self._trained.items():
                    value.copy_(current[name])
