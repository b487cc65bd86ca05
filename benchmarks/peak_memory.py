"""Peak memory of a program."""

import subprocess
import sys
from collections.abc import Sequence

_FRESH = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
if done.returncode:
    sys.stderr.buffer.write(done.stderr[-2000:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(done.returncode)
"""


def peak_mib(words: Sequence[str]) -> float:
    """Run a program and return its peak memory, in MiB.

    A small process starts it, because Linux counts the parent's memory at the fork as the child's.
    """
    done = subprocess.run([sys.executable, "-c", _FRESH, *words], check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout) / 1024
