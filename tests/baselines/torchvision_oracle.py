"""torchvision as an independent oracle of our backbones: never imported at run time, optional in tests.

Its compiled operators do not load next to a CPU build of torch, so two of them are declared before the import. Where
transformers finds torchvision without that, its own imports break: better keep it in a folder of its own and name it:

    uv pip install --no-deps --target DIR torchvision
    export MEVIS_BENCH_TORCHVISION=DIR
"""

import importlib
import importlib.util
import os
import sys
from functools import cache
from types import ModuleType

import pytest
import torch

FOLDER = "MEVIS_BENCH_TORCHVISION"


@cache
def _declared_operators() -> torch.library.Library:
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def import_torchvision(module: str) -> ModuleType:
    """Import a module of torchvision, or skip the test with the reason."""
    folder = os.environ.get(FOLDER)
    if folder is None and importlib.util.find_spec("torchvision") is None:
        pytest.skip(f"no torchvision installed, and {FOLDER} names no folder that holds it")
    if folder is not None:
        sys.path.append(folder)
    try:
        _declared_operators()
        return importlib.import_module(module)
    finally:
        if folder is not None:
            sys.path.remove(folder)
