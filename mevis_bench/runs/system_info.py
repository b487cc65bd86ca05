"""Facts about this machine and this installation, for manifests."""

import ctypes
import importlib.metadata
import os
import platform
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from mevis_bench.execution.profiling import processor
from mevis_bench.records import UsageError

_PACKAGES = ("mevis-bench", "numpy", "scipy", "pillow", "torch", "transformers", "tokenizers", "safetensors")


def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the packages that predictions depend on; nothing is imported."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> Mapping[str, str]:
    """Return names of host, system and processor, the number of cores, and the memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory / 2**30:.0f} GiB",
    }


def commit() -> str | None:
    """Return the commit of the checkout this package runs from, ``-changed`` behind it where files differ from it."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        head = _git(root, "rev-parse", "HEAD")
        return f"{head}-changed" if _git(root, "status", "--porcelain") else head
    except (OSError, subprocess.CalledProcessError):
        return None


def resolve_device(device: str) -> str:
    """Turn ``auto`` into ``cuda`` where a CUDA device can be used, else ``cpu``; check the other names.

    Torch is asked (imported) only where the machine has a CUDA driver at all.

    Raises:
        UsageError: The name is no device, or CUDA is asked for and not there.
    """
    name, _, index = device.partition(":")
    if name not in ("auto", "cpu", "cuda") or (index and not (name == "cuda" and index.isdecimal())):
        raise UsageError(f"'{device}' is no device", location="--device", hint="Known: auto, cpu, cuda, cuda:N")
    if name == "cpu":
        return "cpu"
    if _has_cuda_driver():
        import torch

        if torch.cuda.is_available() and int(index or 0) < torch.cuda.device_count():
            return "cuda" if name == "auto" else device
    if name == "cuda":
        raise UsageError(
            f"there is no device '{device}' that torch can use", location="--device", hint="Try --device cpu"
        )
    return "cpu"


def _has_cuda_driver() -> bool:
    try:
        return int(ctypes.CDLL("libcuda.so.1").cuInit(0)) == 0
    except OSError:
        return False


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()
