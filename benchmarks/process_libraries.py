"""Behavior of pebble, loky and appose where this project promises something.

Run it with ``python -m benchmarks.process_libraries``.

Needs ``pip install pebble loky appose``. docs/decisions/process-library.md has the table.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# A parent with one worker, which starts a child, writes both ids and then holds the interpreter lock.
_WORK = """
import os, re, subprocess, sys, time
def work(path):
    child = subprocess.Popen(["sleep", "60"])
    with open(path, "w") as file: file.write(f"{os.getpid()} {child.pid}")
    re.match("(a+)+b", "a" * 60)
def leave(number):
    if number == 1: os._exit(3)
    time.sleep(0.5)
    return number
"""

_PARENTS = {
    "pebble": "from pebble import ProcessPool\nif __name__ == '__main__':\n"
    "    pool = ProcessPool(1)\n    pool.schedule(work, args=[sys.argv[1]]).result()\n",
    "loky": "from loky import ProcessPoolExecutor\nif __name__ == '__main__':\n"
    "    pool = ProcessPoolExecutor(1)\n    pool.submit(work, sys.argv[1]).result()\n",
    "appose": "import appose\nif __name__ == '__main__':\n"
    "    service = appose.system().python()\n"
    "    task = service.task('import sys; sys.path.insert(0, folder)\\nimport work\\nwork.work(path)',"
    " {'path': sys.argv[1], 'folder': os.path.dirname(os.path.abspath(__file__))})\n"
    "    task.start(); task.wait_for()\n",
}

_EXITING = {
    "pebble": "from pebble import ProcessPool\nif __name__ == '__main__':\n"
    "    pool = ProcessPool(2)\n    futures = [pool.schedule(leave, args=[k]) for k in range(6)]\n",
    "loky": "from loky import ProcessPoolExecutor\nif __name__ == '__main__':\n"
    "    pool = ProcessPoolExecutor(2)\n    futures = [pool.submit(leave, k) for k in range(6)]\n",
}
_COUNT = "    print(sum(future.exception() is not None for future in futures), 'of 6 tasks failed')\n    os._exit(0)\n"


def main() -> None:
    """Print the observations."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work.py").write_text(_WORK)
        for name, parent in _PARENTS.items():
            print(f"{name}: 10 s after kill -9 of the parent, {_left_after_kill(folder, name, parent)}")
        for name, parent in _EXITING.items():
            print(f"{name}: one task exits: {_run(folder, name, parent + _COUNT)}")


def _left_after_kill(folder: Path, name: str, parent: str) -> str:
    script, ids = folder / f"{name}_kill.py", folder / f"{name}.txt"
    script.write_text("import os, sys\nfrom work import *\n" + parent)
    process = subprocess.Popen([sys.executable, str(script), str(ids)], cwd=folder)
    while not (ids.exists() and re.fullmatch(r"\d+ \d+", ids.read_text())):
        if process.poll() is not None:
            return f"nothing was measured: the parent exited with code {process.returncode}"
        time.sleep(0.05)
    process.kill()
    process.wait()
    time.sleep(10)
    kinds = dict(zip(("the worker", "its child"), map(int, ids.read_text().split()), strict=True))
    left = [kind for kind, pid in kinds.items() if _alive(pid)]
    for pid in kinds.values():
        if _alive(pid):
            os.kill(pid, signal.SIGKILL)
    return f"left: {', '.join(left) or 'nothing'}"


def _run(folder: Path, name: str, code: str) -> str:
    script = folder / f"{name}_exit.py"
    script.write_text("import os, sys\nfrom work import *\n" + code)
    result = subprocess.run([sys.executable, str(script)], cwd=folder, capture_output=True, text=True, check=False)
    return result.stdout.strip() or result.stderr[-300:]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


if __name__ == "__main__":
    main()
