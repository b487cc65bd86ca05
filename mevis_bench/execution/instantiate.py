"""From a method's folder to a loaded method: in this process, in an environment process, or behind a command."""

import sys
from collections.abc import Mapping
from pathlib import Path

from mevis_bench.execution.command_method import CommandMethod
from mevis_bench.execution.environments import environment_python
from mevis_bench.execution.isolated import IsolatedMethod
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import Method, MethodConfig


def instantiate_method(entry: MethodEntry, config: MethodConfig[Mapping[str, object]]) -> Method:
    """Load a method where its ``method.yaml`` places it.

    Raises:
        MethodError: It cannot be loaded, or its environment or checkout is missing.
        MevisBenchError: Raised by ``load``.
    """
    spec = entry.spec
    if spec.command is not None:
        python = Path(sys.executable) if spec.environment is None else environment_python(entry)
        return CommandMethod(spec.name, entry.folder, python, spec.command, config)
    if spec.environment is not None:
        return IsolatedMethod(spec.name, entry.folder, environment_python(entry), spec.environment, config)
    return load_method(entry, config)
