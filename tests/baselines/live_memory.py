"""Peak memory of the tensors of a computation, without computing anything.

Shapes are run through the network in torch's fake mode, so clips of real length are measured in seconds. What kernels
take inside themselves is not seen.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LivePeak(TorchDispatchMode):
    """Watches every tensor that an operation returns; ``peak`` is the largest sum of bytes alive at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self._bound = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        for value in tree_leaves(out):
            if isinstance(value, torch.Tensor):
                storage = value.untyped_storage()
                if storage._cdata not in self._storages or self._storages[storage._cdata][0].expired():
                    self._bound += storage.nbytes()
                self._storages[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        if self._bound > self.peak:  # with the dead counted in; only now is it worth looking who is alive
            self._storages = {key: entry for key, entry in self._storages.items() if not entry[0].expired()}
            self._bound = sum(size for _, size in self._storages.values())
            self.peak = max(self.peak, self._bound)
        return out


@contextmanager
def fake_tensors() -> Iterator[None]:
    """Tensors made inside have shapes and no numbers, and nothing keeps gradients."""
    with FakeTensorMode(), torch.inference_mode():
        yield
