"""Methods as rows, for ``list`` and ``show``."""

from dataclasses import dataclass
from pathlib import Path

from mevis_bench.methods.registry import ChosenMethod, Registry
from mevis_bench.methods.weights import State, provenance, weights_state

TASKS = ("rvos", "avos", "rmot", "rmeg")


@dataclass(frozen=True, slots=True)
class MethodRow:
    """One variant of one method.

    Attributes:
        name: ``method:variant``; what ``--method`` takes.
        title: Name in tables.
        default: Whether ``--method <method>`` alone means this variant.
        tasks: Tasks it answers itself, in the order rvos, avos, rmot, rmeg.
        outputs: What its predictions carry.
        weights: Where its weights are.
        provenance: Who made them.
        origin: Where the method was found.
    """

    name: str
    title: str
    default: bool
    tasks: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: State
    provenance: str
    origin: str


def overview(registry: Registry, store: Path) -> list[MethodRow]:
    """Return a row for every variant of every working method, methods by name, variants in file order."""
    rows = []
    for method in registry.methods.values():
        for variant, spec in method.spec.variants.items():
            chosen = ChosenMethod(method, variant)
            rows.append(
                MethodRow(
                    name=chosen.name,
                    title=spec.title,
                    default=variant == method.spec.default_variant,
                    tasks=tuple(task for task in TASKS if task in spec.tasks),
                    outputs=spec.outputs,
                    weights=weights_state(chosen, store),
                    provenance=provenance(chosen),
                    origin=method.origin,
                )
            )
    return rows
