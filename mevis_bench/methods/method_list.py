"""Methods as rows, for ``list`` and ``show``."""

from dataclasses import dataclass, replace
from pathlib import Path

from mevis_bench.methods.bridges import derived_tasks
from mevis_bench.methods.registry import Registry, ResolvedMethod
from mevis_bench.methods.weights import State, file_state, provenance, weights_state
from mevis_bench.records.hub_source import HubSource
from mevis_bench.records.task_names import TASK_NAMES


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One variant of one method.

    Attributes:
        name: ``method:variant``; what ``--method`` takes.
        title: Name in tables.
        default: Whether ``--method <method>`` alone means this variant.
        tasks: Tasks it predicts for itself, in the order of ``TASK_NAMES``.
        derived: Tasks it predicts for through a bridge.
        outputs: What its predictions carry.
        weights: Where its weights are.
        provenance: Who made them.
        origin: Where the method was found.
    """

    name: str
    title: str
    default: bool
    tasks: tuple[str, ...]
    derived: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: State
    provenance: str
    origin: str


def overview(registry: Registry, store: Path) -> list[MethodRow]:
    """Return a row for every variant of every working method, methods by name, variants in file order."""
    rows = []
    for method in registry.methods.values():
        for variant, spec in method.spec.variants.items():
            resolved = ResolvedMethod(method, variant)
            rows.append(
                MethodRow(
                    name=resolved.name,
                    title=spec.title,
                    default=variant == method.spec.default_variant,
                    tasks=tuple(task for task in TASK_NAMES if task in spec.tasks),
                    derived=derived_tasks(spec),
                    outputs=spec.outputs,
                    weights=weights_state(resolved, store),
                    provenance=provenance(resolved),
                    origin=method.origin,
                )
            )
    return rows


@dataclass(frozen=True, slots=True)
class WeightsRow:
    """One file of weights of one method, whichever variants use it.

    Attributes:
        method: Name of the method.
        name: Name of the weights in ``method.yaml``.
        file: Its path inside the method's weights folder.
        state: Where it is.
        license: License of the weights.
        source: Where it comes from.
        sha256: Its known hash; ``None``: not known.
        hub: Place from which ``weights get`` downloads it; ``None``: it is got by hand.
        variants: The variants that use it.
    """

    method: str
    name: str
    file: str
    state: State
    license: str
    source: str
    sha256: str | None
    hub: HubSource | None
    variants: tuple[str, ...]


def weights_overview(registry: Registry, store: Path) -> list[WeightsRow]:
    """Return a row for every weights file of every working method, by method, in order of ``method.yaml``."""
    rows: dict[tuple[str, str], WeightsRow] = {}
    for method in registry.methods.values():
        for variant, spec in method.spec.variants.items():
            for name, weights in spec.weights.items():
                key = method.spec.name, weights.file
                if key in rows:
                    rows[key] = replace(rows[key], variants=(*rows[key].variants, variant))
                    continue
                state = file_state(method.folder, method.spec.name, weights, store)
                rows[key] = WeightsRow(
                    method.spec.name,
                    name,
                    weights.file,
                    state,
                    weights.license,
                    weights.source,
                    weights.sha256,
                    weights.hub,
                    (variant,),
                )
    return list(rows.values())
