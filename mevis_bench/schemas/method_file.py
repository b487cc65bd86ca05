"""``method.yaml``: everything the harness knows about a method without importing it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from mevis_bench.records.hub_source import HubSource
from mevis_bench.records.task_names import TaskName

Output = Literal["masks", "objects", "tracks", "points", "captions"]
Tasks = Annotated[tuple[TaskName, ...], Meta(min_length=1)]
MethodName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]*$", description="lower case letters, digits and _")]
Seconds = Annotated[float, Meta(gt=0, le=7 * 86_400)]


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """One weights file.

    Attributes:
        file: Path in the method's weights folder.
        sha256: Its hash, 64 hexadecimal digits; ``None``: unknown.
        source: Origin of the file, as instructions for a person.
        license: License of the weights.
        provenance: ``official``: made by the authors; ``trained-here``: made by this project's ``train``.
        owner: Method whose weights folder the file is in; ``None``: this one.
        hub: Place from which ``mevis-bench weights get`` downloads it; ``None``: people get it as ``source`` says.
    """

    file: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="64 hexadecimal digits")] | None
    source: str
    license: str
    provenance: Literal["official", "trained-here"]
    owner: MethodName | None = None
    hub: HubSource | None = None

    renamed_fields: ClassVar[Mapping[str, str]] = {"licence": "license"}


@dataclass(frozen=True, slots=True)
class VariantSpec:
    """One configuration of a method.

    Attributes:
        title: Name in tables.
        tasks: Tasks that it supports itself; bridges may add derived ones.
        options: Options for the method's ``load``; ``--set method.<key>=<value>`` changes existing keys.
        test_options: Changes of ``options`` with which tests run the variant: small enough for less than a second.
        outputs: Contents of its predictions.
        weights: Weights files by their name in ``load``; empty: none.
        notes: Protocol, in one line.
        remote: The model runs behind an API and has no weights here; its results have the provenance ``api``.
        oracle_text: AVOS only: prompted with text instead of speech; the variant's name must contain ``oracle``.
    """

    title: str
    tasks: Tasks
    outputs: Annotated[tuple[Output, ...], Meta(min_length=1)]
    notes: str
    options: Mapping[str, object] = field(default_factory=dict)
    test_options: Mapping[str, object] = field(default_factory=dict)
    weights: Mapping[str, WeightSpec] = field(default_factory=dict)
    remote: bool = False
    oracle_text: bool = False


@dataclass(frozen=True, slots=True)
class EnvironmentSpec:
    """Separate Python environment of a method (``mevis-bench env create``).

    Attributes:
        python: Version specifier, for instance ``>=3.8,<3.9``; 3.7 or newer.
        requirements: File in the method's folder, in pip's format; ``None``: no packages.
        answer_seconds: Time limit per prediction; beyond it the sample fails and the process is restarted.
        load_seconds: Time limit for loading the method.
    """

    python: str
    requirements: str | None = None
    answer_seconds: Seconds = 600.0
    load_seconds: Seconds = 600.0


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """Unmodified checkout of other code: a MeViS folder in, a tree of PNG masks out.

    Attributes:
        checkout: Its folder, in the method's folder.
        run: The program and its arguments. ``{python}`` is the environment's Python, ``{root}`` a MeViS folder that
            holds the split ``{split}`` (one video), ``{data}`` that split's folder, ``{out}`` where
            ``<video>/<expression>/<frame>.png`` are expected; ``{checkout}``, ``{device}``, ``{seed}``,
            ``{weights.NAME}`` and ``{options.KEY}`` are replaced by their values.
        video_seconds: Time limit per video, in seconds.
    """

    checkout: str
    run: Annotated[tuple[str, ...], Meta(min_length=1)]
    video_seconds: Seconds = 3600.0


@dataclass(frozen=True, slots=True)
class MethodSpec:
    """One method.

    Attributes:
        name: Name of its folder, and on the command line.
        title: Name in tables.
        paper: Reference; ``None``: unpublished.
        code: URL of the authors' code; ``None``: unpublished.
        license: License of the authors' code; ``none``: it has none.
        tasks: Tasks that at least one variant supports.
        variants: Variants by name; the first is the default.
        environment: Its separate Python environment; ``None``: that of mevis-bench.
        command: Command that runs a checkout instead of ``method.py``; ``None``: there is a ``method.py``.
    """

    name: MethodName
    title: str
    paper: str | None
    code: str | None
    license: str
    tasks: Tasks
    variants: Annotated[Mapping[str, VariantSpec], Meta(min_length=1)]
    environment: EnvironmentSpec | None = None
    command: CommandSpec | None = None

    renamed_fields: ClassVar[Mapping[str, str]] = {"licence": "license"}

    @property
    def default_variant(self) -> str:
        """Name of the default variant."""
        return next(iter(self.variants))
