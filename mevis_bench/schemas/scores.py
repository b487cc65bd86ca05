"""``scores.jsonl`` and ``results.json`` of a scored folder. Values are fractions; ``null`` means undefined."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, get_args

from msgspec import Meta

from mevis_bench.records.task_names import TaskName
from mevis_bench.schemas.json_files import Upgrade
from mevis_bench.schemas.manifest import Provenance

GENERATED_SENTENCES = "sentences-"
"""Beginning of the perturbation of a run that read generated sentences; a hash of them follows."""

MAX_VALUE = 10**12
"""Largest magnitude of a metric or count; no split has so many boxes, and what is computed from it stays finite."""

Value = Annotated[int, Meta(ge=-MAX_VALUE, le=MAX_VALUE)] | Annotated[float, Meta(ge=-MAX_VALUE, le=MAX_VALUE)] | None
"""Integers stay integers, so that counts print as such."""


@dataclass(frozen=True, slots=True)
class SampleScore:
    """Scores of one sample.

    Attributes:
        sample: ``<video>/<expression>``.
        values: Metric values and per-sample columns by name; ``None``: undefined for this sample.
        groups: Names of the slices that the sample belongs to, sorted.
    """

    sample: str
    values: Mapping[str, Value]
    groups: tuple[str, ...] = ()

    @property
    def video(self) -> str:
        """Id of the sample's video."""
        return self.sample.rsplit("/", 1)[0]


def _upgrade_1(results: dict[str, Any]) -> dict[str, Any]:
    """Schema 2 calls the provenance of a method without weights ``heuristic``."""
    method = results.get("method")
    if isinstance(method, dict) and method.get("provenance") == "floor":
        return {**results, "method": {**method, "provenance": "heuristic"}}
    return results


@dataclass(frozen=True, slots=True)
class Results:
    """Aggregate of one scored run.

    Attributes:
        task: Name of the task.
        protocol: Name of the scoring protocol, for instance ``mevis_v2``.
        metrics: Aggregate values by metric name, fractions; ``None``: undefined.
        counts: Number of ``expected``, ``scored`` and ``missing`` samples.
        split: Name of the split.
        fingerprint: Fingerprint of the split's annotation files.
        slices: ``count`` and metrics of every slice.
        method: ``name``, ``variant`` and ``provenance`` of the run, and where they were used ``bridge`` and
            ``perturb``; empty for external predictions.
        choices: Every option that changes a number (metrics version, rule for missing samples, ...), by name.
        dataset: ``name`` and ``version`` of the data set; empty in files of older versions.
        margins: Half of the 95 % interval of metrics that pool counts of samples, by name (bootstrap over videos);
            empty for few videos, other tasks and in files of older versions.
        name: Name of external predictions in tables (``score --name``); ``None``: not given, or a run.
        schema: Number of this layout.
    """

    task: TaskName
    protocol: str
    metrics: Mapping[str, Value]
    counts: Mapping[str, int]
    split: str
    fingerprint: str
    slices: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    method: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)
    dataset: Mapping[str, str] = field(default_factory=dict)
    margins: Mapping[str, Annotated[float, Meta(ge=0)]] = field(default_factory=dict)
    name: Annotated[str, Meta(min_length=1, max_length=80)] | None = None
    schema: Literal[2] = 2

    upgrades: ClassVar[Mapping[int, Upgrade]] = {1: _upgrade_1}

    def __post_init__(self) -> None:
        counts = self.counts
        if counts.keys() != {"expected", "scored", "missing"} or min(counts.values()) < 0:
            raise ValueError("'counts': expected the numbers expected, scored and missing, >= 0")
        if counts["scored"] + counts["missing"] != counts["expected"]:
            raise ValueError(f"'counts': scored and missing are not expected in total: {dict(counts)}")
        if self.method and not {"name", "variant", "provenance"} <= self.method.keys():
            raise ValueError("'method': expected name, variant and provenance, or nothing")
        if self.method and self.method["provenance"] not in get_args(Provenance):
            raise ValueError(f"'method.provenance': expected one of {', '.join(get_args(Provenance))}")
        for name, values in self.slices.items():
            if not isinstance(values.get("count"), int):
                raise ValueError(f"'slices.{name}.count': expected an integer")

    @property
    def label(self) -> str:
        """``method:variant`` with bridge and perturbation, or the name of external predictions; for tables and keys."""
        if not self.method:
            return self.name or "external predictions"
        bridge = f" via {self.method['bridge']}" if "bridge" in self.method else ""
        perturbation = f", {self.perturbation}" if self.perturbation else ""
        return f"{self.method['name']}:{self.method['variant']}{bridge}{perturbation}"

    @property
    def perturbation(self) -> str:
        """Perturbation as text, for instance ``frames shuffle`` or ``other words``; empty: none."""
        name = self.method.get("perturb", "")
        if name.startswith(GENERATED_SENTENCES):
            return "generated sentences"
        return "other words" if name == "words" else f"frames {name}" if name else ""
