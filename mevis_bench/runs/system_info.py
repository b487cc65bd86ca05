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
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def system_info() -> Mapping[str, str]:
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
    """Return the commit of this package's checkout, with the suffix ``-changed`` where files differ from it."""
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

    Torch is imported only where the machine has a CUDA driver at all.

    Raises:
        UsageError: Invalid device, or CUDA is requested and not available.
    """
    name, _, index = device.partition(":")
    if name not in ("auto", "cpu", "cuda") or (index and not (name == "cuda" and index.isdecimal())):
        raise UsageError(f"invalid device '{device}'", location="--device", hint="Known: auto, cpu, cuda, cuda:N")
    if name == "cpu":
        return "cpu"
    if _has_cuda_driver():
        import torch

        if torch.cuda.is_available() and int(index or 0) < torch.cuda.device_count():
            return "cuda" if name == "auto" else device
    if name == "cuda":
        raise UsageError(f"torch cannot use the device '{device}'", location="--device", hint="Try --device cpu")
    return "cpu"


def _has_cuda_driver() -> bool:
    try:
        return int(ctypes.CDLL("libcuda.so.1").cuInit(0)) == 0
    except OSError:
        return False


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return result.stdout.strip()
