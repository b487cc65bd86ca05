"""From a method's folder to something that answers: here, in the method's own environment, or by a command."""

import sys
from pathlib import Path

from mevis_bench.execution.command_method import CommandMethod
from mevis_bench.execution.environments import environment_python
from mevis_bench.execution.isolated import IsolatedMethod
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import Method, MethodConfig


def instantiate_method(found: MethodEntry, setup: MethodConfig) -> Method:
    """Load a method where its ``method.yaml`` says it lives.

    Raises:
        MethodError: It can't be loaded, or its environment or checkout is not there.
        MevisBenchError: What ``load`` itself tells the user.
    """
    spec = found.spec
    if spec.command is not None:
        python = Path(sys.executable) if spec.environment is None else environment_python(found)
        return CommandMethod(spec.name, found.folder, python, spec.command, setup)
    if spec.environment is not None:
        return IsolatedMethod(spec.name, found.folder, environment_python(found), spec.environment, setup)
    return load_method(found, setup)
