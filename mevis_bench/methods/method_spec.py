"""``method.yaml``: everything the harness knows about a method without importing it."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mevis_bench.files.names import validate_relative_path
from mevis_bench.records import DataError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.records.task_names import TaskName
from mevis_bench.schemas.yaml_files import read_yaml

Output = Literal["masks", "objects", "tracks", "captions"]

COMMAND_PLACES = ("python", "checkout", "root", "split", "data", "out", "device", "seed")
"""Names in braces that a command may hold, besides ``options.KEY`` and ``weights.NAME``."""


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """One file of weights.

    Attributes:
        file: Path inside the method's own weights folder.
        sha256: Its known hash, 64 hex digits; ``None``: not known.
        source: Where the file comes from, in words a person can follow.
        license: License of the weights.
        provenance: ``official``: made by the authors; ``trained-here``: made by this project's ``train``.
    """

    file: str
    sha256: str | None
    source: str
    license: str
    provenance: Literal["official", "trained-here"]


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One way to run a method.

    Attributes:
        title: Name in tables.
        tasks: Tasks it answers itself (bridges may add derived ones).
        options: Handed to ``load`` as ``setup.options``; ``--set method.<key>=<value>`` changes existing keys.
        outputs: What its predictions carry.
        weights: Files by the name under which ``load`` gets them; empty: the method has none.
        notes: Protocol in a line.
        oracle_text: AVOS only: it is given the sentence itself in place of the speech. Its name must say ``oracle``.
    """

    title: str
    tasks: tuple[TaskName, ...]
    outputs: tuple[Output, ...]
    notes: str
    options: Mapping[str, object] = field(default_factory=dict)
    weights: Mapping[str, WeightSpec] = field(default_factory=dict)
    oracle_text: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """The Python that a method runs in, apart from the one of mevis-bench (``mevis-bench env create``).

    Attributes:
        python: Versions that will do, for instance ``>=3.8,<3.9``; 3.7 or newer.
        requirements: File in the method's folder, in pip's format; ``None``: no package is needed.
        answer_seconds: Time-out of one prediction, > 0; beyond it the sample fails and the environment process is
            restarted.
        load_seconds: Time-out of loading the method, > 0.
    """

    python: str
    requirements: str | None = None
    answer_seconds: float = 600.0
    load_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A checkout of someone's code that is run as it is: a MeViS folder in, a tree of PNG masks out.

    Attributes:
        checkout: Its folder, inside the method's.
        run: The program and its arguments. ``{python}`` is the environment's Python, ``{root}`` a MeViS folder that
            holds the split ``{split}`` (one video), ``{data}`` that split's folder, ``{out}`` where
            ``<video>/<expression>/<frame>.png`` are wanted; ``{checkout}``, ``{device}``, ``{seed}``,
            ``{weights.NAME}`` and ``{options.KEY}`` are what they say.
        video_seconds: Time-out of the command, > 0.
    """

    checkout: str
    run: tuple[str, ...]
    video_seconds: float = 3600.0


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """A method as ``method.yaml`` describes it.

    Attributes:
        name: Name of its folder, and on the command line.
        title: Name in tables.
        paper: Reference; ``None``: nothing published.
        code: The authors' code; ``None``: there is none.
        license: License of the original code; ``none`` where it carries none.
        tasks: Tasks that some variant answers.
        variants: By name; the first is the default.
        environment: The Python it runs in; ``None``: this one.
        command: How a checkout is run in place of ``method.py``; ``None``: there is a ``method.py``.
    """

    name: str
    title: str
    paper: str | None
    code: str | None
    license: str
    tasks: tuple[TaskName, ...]
    variants: Mapping[str, VariantSpec]
    environment: EnvironmentSpec | None = None
    command: CommandSpec | None = None

    @property
    def default_variant(self) -> str:
        """Name of the variant that runs when none is asked for."""
        return next(iter(self.variants))


def read_method_spec(path: Path) -> MethodSpec:
    """Read and check one ``method.yaml``.

    Raises:
        DataError: The file breaks the schema or contradicts itself; names file, line where known, and key.
    """
    spec = read_yaml(path, MethodSpec)
    if spec.name != path.parent.name:
        raise DataError(f"name is '{spec.name}' but the folder is '{path.parent.name}'", location=str(path))
    if not re.fullmatch(r"[a-z][a-z0-9_]*", spec.name):
        raise DataError(f"name '{spec.name}' must be lower case letters, digits and _", location=str(path))
    if not spec.variants:
        raise DataError("there must be at least one variant", location=str(path))
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
        raise DataError(f"python '{environment.python}' must be like '>=3.8,<3.9'", location=location) from None
    _check_seconds(environment.answer_seconds, "environment.answer_seconds", location)
    _check_seconds(environment.load_seconds, "environment.load_seconds", location)
    if environment.requirements is not None:
        validate_relative_path(environment.requirements, "requirements", location)


def _check_command(spec: MethodSpec, command: CommandSpec, location: str) -> None:
    if spec.tasks != ("rvos",) or any(variant.outputs != ("masks",) for variant in spec.variants.values()):
        raise DataError("a command answers with PNG masks: tasks must be [rvos] and outputs [masks]", location=location)
    _check_seconds(command.video_seconds, "command.video_seconds", location)
    if not command.run:
        raise DataError("run names no program", location=location)
    validate_relative_path(command.checkout, "checkout", location)
    options = {f"options.{key}" for variant in spec.variants.values() for key in variant.options}
    weights = {f"weights.{key}" for variant in spec.variants.values() for key in variant.weights}
    known = [*COMMAND_PLACES, *sorted(options), *sorted(weights)]
    for place in re.findall(r"\{(.*?)\}", " ".join(command.run)):
        if place not in known:
            raise DataError(f"run has an unknown '{{{place}}}'", location=location, hint=did_you_mean(place, known))


def _check_seconds(seconds: float, key: str, location: str) -> None:
    if not 0 < seconds < math.inf:
        raise DataError(f"'{key}' must be a positive number of seconds, got {seconds:g}", location=location)


def _check_variant(spec: MethodSpec, name: str, variant: VariantSpec, location: str) -> None:
    if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", name):
        raise DataError(
            f"variant name '{name}' must be lower case letters, digits, '_', '.' and '-'", location=location
        )
    if not variant.tasks or not variant.outputs:
        raise DataError(f"variant '{name}' names no {'outputs' if variant.tasks else 'tasks'}", location=location)
    foreign = [task for task in variant.tasks if task not in spec.tasks]
    if foreign:
        raise DataError(f"variant '{name}' answers {foreign[0]}, which is not in the method's tasks", location=location)
    if variant.oracle_text != ("oracle" in name) or (variant.oracle_text and variant.tasks != ("avos",)):
        what = f"variant '{name}': oracle_text, the word 'oracle' in its name and tasks [avos] belong together"
        raise DataError(what, location=location)
    for weights in variant.weights.values():
        validate_relative_path(weights.file, "weights file", location)
        if weights.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", weights.sha256):
            raise DataError(f"sha256 of '{weights.file}' must be 64 hex digits", location=location)
