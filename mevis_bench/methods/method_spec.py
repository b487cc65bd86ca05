"""Reading of ``method.yaml`` and checks across its fields."""

import math
import re
from pathlib import Path

from mevis_bench.files.names import validate_relative_path
from mevis_bench.records import DataError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.method_file import CommandSpec, EnvironmentSpec, MethodSpec, VariantSpec
from mevis_bench.schemas.yaml_files import read_yaml

PLACEHOLDERS = ("python", "checkout", "root", "split", "data", "out", "device", "seed")
"""Placeholders of a command, besides ``options.KEY`` and ``weights.NAME``."""


def read_method_spec(path: Path) -> MethodSpec:
    """Read and check one ``method.yaml``.

    Raises:
        DataError: The file breaks the schema or contradicts itself; names file, line where known, and key.
    """
    spec = read_yaml(path, MethodSpec)
    if spec.name != path.parent.name:
        message = f"'name': expected the folder's name '{path.parent.name}', got '{spec.name}'"
        raise DataError(message, location=str(path))
    for name, variant in spec.variants.items():
        _check_variant(spec, name, variant, str(path))
    if spec.environment is not None:
        _check_environment(spec.environment, str(path))
    if spec.command is not None:
        _check_command(spec, spec.command, str(path))
    return spec


def _check_environment(environment: EnvironmentSpec, location: str) -> None:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        SpecifierSet(environment.python)
    except InvalidSpecifier:
        message = f"'environment.python': expected a version specifier like '>=3.8,<3.9', got '{environment.python}'"
        raise DataError(message, location=location) from None
    if environment.requirements is not None:
        validate_relative_path(environment.requirements, "requirements", location)


def _check_command(spec: MethodSpec, command: CommandSpec, location: str) -> None:
    if spec.tasks != ("rvos",) or any(variant.outputs != ("masks",) for variant in spec.variants.values()):
        raise DataError("a command writes PNG masks: expected tasks [rvos] and outputs [masks]", location=location)
    validate_relative_path(command.checkout, "checkout", location)
    options = {f"options.{key}" for variant in spec.variants.values() for key in variant.options}
    weights = {f"weights.{key}" for variant in spec.variants.values() for key in variant.weights}
    known = [*PLACEHOLDERS, *sorted(options), *sorted(weights)]
    for place in re.findall(r"\{(.*?)\}", " ".join(command.run)):
        if place not in known:
            message = f"'command.run': unknown placeholder '{{{place}}}'"
            raise DataError(message, location=location, hint=did_you_mean(place, known))


def _check_seconds(seconds: float, key: str, location: str) -> None:
    if not 0 < seconds < math.inf:
        raise DataError(f"'{key}' must be a positive number of seconds, got {seconds:g}", location=location)


def _check_variant(spec: MethodSpec, name: str, variant: VariantSpec, location: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise DataError(
            f"invalid variant name '{name}': expected lower case letters, digits, '_', '.' and '-'", location=location
        )
    undeclared = [task for task in variant.tasks if task not in spec.tasks]
    if undeclared:
        raise DataError(f"variant '{name}': task {undeclared[0]} is missing in the method's tasks", location=location)
    unknown = [key for key in variant.test_options if key not in variant.options]
    if unknown:
        message = f"variant '{name}': unknown option '{unknown[0]}' in test_options"
        raise DataError(message, location=location, hint=did_you_mean(unknown[0], list(variant.options)))
    if variant.oracle_text != ("oracle" in name) or (variant.oracle_text and variant.tasks != ("avos",)):
        message = f"variant '{name}': oracle_text requires 'oracle' in the name and tasks [avos], and the reverse"
        raise DataError(message, location=location)
    if variant.remote and variant.weights:
        raise DataError(f"variant '{name}': a remote model has no weights here", location=location)
    for weights in variant.weights.values():
        validate_relative_path(weights.file, "weights file", location)
        for file in () if weights.hub is None else weights.hub.names:
            validate_relative_path(file, "hub file", location)
