"""Fixtures of all tests, and the tests that this machine cannot run, skipped with the reason."""

import importlib.util
import os
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, settings

from mevis_bench.metrics.java import find_java
from tests.paths import GOLDEN, PARITY, SHARED

pytest_plugins = [
    "tests.fixtures.browser",
    "tests.fixtures.gallery",
    "tests.fixtures.loopback_hub",
    "tests.fixtures.runs",
]

# xdist sets a width of 80 for its workers; commands would fold what tests compare as one line.
os.environ.pop("COLUMNS", None)

# The first example may compile loops, and a loaded machine is slow.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")


def _no_java() -> str | None:
    if find_java() is None or importlib.util.find_spec("pycocoevalcap") is None:
        return "no Java or no pycocoevalcap; the extra 'rmeg' brings both"
    return None


def _no_gpu() -> str | None:
    import torch

    return None if torch.cuda.is_available() else "no CUDA device"


REASONS: dict[str, Callable[[], str | None]] = {
    "golden": lambda: None if GOLDEN.is_dir() else f"no golden cases at {GOLDEN} (MEVIS_BENCH_GOLDEN)",
    "gpu": _no_gpu,
    "java": _no_java,
    "parity": lambda: None if PARITY.is_dir() else f"no parity vectors at {PARITY} (MEVIS_BENCH_PARITY)",
    "shared": lambda: None if SHARED.is_dir() else f"no reference material at {SHARED} (MEVIS_BENCH_SHARED)",
}
"""By marker: why this machine skips its tests; ``None``: it runs them."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    for marker, reason_here in REASONS.items():
        marked = [item for item in items if item.get_closest_marker(marker)]
        reason = reason_here() if marked else None
        for item in marked if reason else []:
            item.add_marker(pytest.mark.skip(reason=reason))
