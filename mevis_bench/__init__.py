"""mevis-bench: the benchmark harness for language-guided video understanding.

The names of :mod:`mevis_bench.api` are imported at first use, so that ``import mevis_bench`` stays fast.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "__version__",
    "compare",
    "load_results",
    "load_scores",
    "merge",
    "run",
    "score",
    "score_captions",
    "score_masks",
    "score_tracks",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("mevis_bench.api"), name)
    raise AttributeError(f"module 'mevis_bench' has no attribute {name!r}")
