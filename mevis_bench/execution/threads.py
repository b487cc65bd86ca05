"""One thread for arithmetic on the CPU: the last digits of sums depend on the number of threads, and so do predictions.

Several pool processes use several cores.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

ONE_THREAD: Mapping[str, str] = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Environment of a process that computes with one thread."""


def thread_environment(device: str) -> Mapping[str, str]:
    """Return the environment variables for a process that predicts on ``device``."""
    return ONE_THREAD if device == "cpu" else {}


@contextmanager
def one_thread(device: str) -> Iterator[None]:
    """Compute with one thread, also in libraries that are imported meanwhile; a CUDA device changes nothing."""
    if device != "cpu":
        yield
        return
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    # len(sched_getaffinity) is what torch starts with unless set otherwise.
    threads = sys.modules["torch"].get_num_threads() if "torch" in sys.modules else len(os.sched_getaffinity(0))
    os.environ.update(ONE_THREAD)
    _set_torch_threads(1)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _set_torch_threads(threads)


def _set_torch_threads(count: int) -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)
