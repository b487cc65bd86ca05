"""Resource usage of a method: parameters and peak memory, measured without importing torch."""

import platform
import resource
import sys
from pathlib import Path
from typing import Any

from mevis_bench.execution.isolated import IsolatedMethod
from mevis_bench.execution.jobs import ResourceUsage
from mevis_bench.methods.bridges import unwrap
from mevis_bench.records import Method
from mevis_bench.records.usage_counters import CountsUsage


def measure_resource_usage(method: Method, device: str) -> ResourceUsage:
    """Measure this process and a method that ran in it.

    A method in an environment process is measured there. Parameters are counted over the attributes of ``method`` (of
    the method inside all wrappers) that have ``parameters()``, as torch's modules do; what raises is not counted.
    """
    inner = unwrap(method)
    if isinstance(inner, IsolatedMethod):
        remote = inner.resource_usage(processor())
        if remote is not None:
            return remote
    attributes = getattr(inner, "__dict__", {}).values()
    counts = [count for value in attributes if hasattr(value, "parameters") and (count := _count(value)) is not None]
    total, trainable = (sum(column) for column in zip(*counts, strict=True)) if counts else (None, None)
    counters = inner.usage_counters() if isinstance(inner, CountsUsage) else {}
    return ResourceUsage(device_name(device), total, trainable, *peak_bytes(device), counters)


def peak_bytes(device: str) -> tuple[int, int | None]:
    """Return the peak memory of this process on the host and on a CUDA device; ``None``: it used none."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    host = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    cuda = _cuda(device)
    return host, None if cuda is None else cuda.max_memory_allocated(device)


def device_name(device: str) -> str:
    """Return the name of a CUDA device, or of the processor where none is used."""
    cuda = _cuda(device)
    return processor() if cuda is None else str(cuda.get_device_name(device))


def processor() -> str:
    """Return the processor's name as the system reports it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _cuda(device: str) -> Any:
    torch: Any = sys.modules.get("torch")
    return torch.cuda if torch is not None and device.startswith("cuda") else None


def _count(module: Any) -> tuple[int, int] | None:
    try:
        parameters = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
        return sum(size for size, _ in parameters), sum(size for size, trainable in parameters if trainable)
    except Exception:  # code of the method, after everything is predicted
        return None
