"""mevis-bench: the benchmark harness for language-guided video understanding.

``run``, ``score``, ``load_results`` and ``load_scores`` do in Python what the commands do (see ``notebook``). They are
imported when first used, so that ``import mevis_bench`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load_results", "load_scores", "run", "score"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("mevis_bench.api"), name)
    raise AttributeError(f"module 'mevis_bench' has no attribute {name!r}")
