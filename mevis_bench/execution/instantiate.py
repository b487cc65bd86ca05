"""From a method's folder to a loaded method: in this process, in an environment process, or behind a command."""

import sys
from collections.abc import Mapping
from pathlib import Path

from mevis_bench.execution.command_method import CommandMethod
from mevis_bench.execution.environments import environment_python
from mevis_bench.execution.isolated import IsolatedMethod
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.methods.sizes import fitting_variants
from mevis_bench.records import DeviceMemoryError, Method, MethodConfig, MethodError


def instantiate_method(entry: MethodEntry, config: MethodConfig[Mapping[str, object]]) -> Method:
    """Load a method where its ``method.yaml`` places it.

    Raises:
        MethodError: It cannot be loaded, its environment or checkout is missing, or the device has too little memory;
            then the hint names variants that fit.
        MevisBenchError: Raised by ``load``.
    """
    spec = entry.spec
    if spec.command is not None:
        python = Path(sys.executable) if spec.environment is None else environment_python(entry)
        return CommandMethod(spec.name, entry.folder, python, spec.command, config)
    if spec.environment is not None:
        return IsolatedMethod(spec.name, entry.folder, environment_python(entry), spec.environment, config)
    try:
        return load_method(entry, config)
    except DeviceMemoryError as error:
        raise MethodError(error.message, location=error.location, hint=_what_fits(entry, config, error)) from error


def _what_fits(entry: MethodEntry, config: MethodConfig[Mapping[str, object]], error: DeviceMemoryError) -> str:
    sizes = fitting_variants(entry, error.fitting_bytes)
    names = ", ".join(f"{size.name} ({size.bytes / 1e9:.1f} GB of weights)" for size in sizes)
    hint = f"Would fit: {names}." if sizes else f"No variant of {entry.spec.name} fits."
    if config.options.get("device_map") == "single":
        hint += "\nWith several GPUs: --set method.device_map=auto"
    return hint
