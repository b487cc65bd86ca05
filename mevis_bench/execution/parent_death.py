"""End of a process when the process that started it ends, whichever way it ends (kill -9 included)."""

import ctypes
import multiprocessing
import os
import platform
import signal
import threading
from multiprocessing.connection import wait

_PR_SET_PDEATHSIG = 1


def exit_with_parent() -> None:
    """Have this process, started by ``multiprocessing``, killed as soon as its parent ends.

    On Linux the kernel does it, so code that holds the interpreter lock does not delay it. Elsewhere a thread does.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None
    if platform.system() == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent.pid:  # it ended before the call above
            os._exit(1)
        return
    threading.Thread(target=_kill_after, args=(parent.sentinel,), daemon=True).start()


def _kill_after(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)
