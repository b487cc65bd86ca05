"""Compilation of inner loops: numba, with the machine code kept on disk, so that only the first call ever compiles."""

import atexit
import importlib
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, TypeVar, cast

Loop = TypeVar("Loop", bound=Callable[..., object])


def compiled(loop: Loop) -> Loop:
    """Compile a function of integers and arrays at its first call; it then runs without the interpreter lock.

    The machine code is kept where numba keeps it (``NUMBA_CACHE_DIR``, ``__pycache__``, the user's cache folder);
    where none of these can be written to, in a private folder that lives as long as this process.
    """
    numba: Any = importlib.import_module("numba")
    jit = numba.njit(cache=True, nogil=True)
    try:
        return cast(Loop, jit(loop))
    except RuntimeError:  # numba found no folder that it may write to
        folder = tempfile.mkdtemp(prefix="mevis-bench-numba-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.environ["NUMBA_CACHE_DIR"] = folder  # child processes share it
        numba.config.reload_config()
        return cast(Loop, jit(loop))
