"""Runs beside published results of others. The two are never ranked together: split, protocol and data differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.reports.paper import MEVIS
from mevis_bench.schemas.published_results import PublishedResults
from mevis_bench.schemas.scores import Results
from mevis_bench.schemas.yaml_files import read_yaml
from mevis_bench.tasks import find_task


@dataclass(frozen=True, slots=True)
class RunBeside:
    """A run beside a table of published results.

    Attributes:
        label: Its label.
        values: Percent by column of the table; ``None``: the run does not have it.
        not_comparable: Reasons why it is not comparable with the table; empty: none is known.
    """

    label: str
    values: dict[str, float | None]
    not_comparable: tuple[str, ...]


def read_published(folder: Path) -> tuple[PublishedResults, ...]:
    """Read every file of a folder, sorted by name.

    Raises:
        DataError: A file is invalid; names file, line and key.
    """
    return tuple(read_yaml(path, PublishedResults) for path in sorted(folder.glob("*.yaml")))


def runs_beside(published: PublishedResults, runs: Sequence[Results]) -> tuple[RunBeside, ...]:
    """Return the runs of the same task on the same data, mini included for MeViS; empty: there is none."""
    return tuple(
        RunBeside(results.label, _values(published, results), _not_comparable(published, results))
        for results in runs
        if results.task == published.task and _is_same_family(published, results)
    )


def _is_same_family(published: PublishedResults, results: Results) -> bool:
    name = results.dataset.get("name", MEVIS[0])
    return name == published.data_set or {name, published.data_set} <= {*MEVIS}


def _values(published: PublishedResults, results: Results) -> dict[str, float | None]:
    metrics = find_task(published.task).paper_columns
    found = {name: results.metrics.get(metrics.get(name, name.lower())) for name in published.columns}
    return {name: None if value is None else 100 * value for name, value in found.items()}


def _not_comparable(published: PublishedResults, results: Results) -> tuple[str, ...]:
    reasons = []
    name = results.dataset.get("name", MEVIS[0])
    if name != published.data_set:
        reasons.append(f"other data ({name})")
    if results.split != published.split:
        reasons.append(f"other split ({results.split})")
    if published.protocol is None:
        reasons.append("scored by other code")
    elif published.protocol != results.protocol:
        reasons.append(f"other protocol ({results.protocol})")
    if results.method.get("provenance") == "untrained":
        reasons.append("untrained weights")
    if results.perturbation:
        reasons.append(results.perturbation)
    if results.counts["missing"]:
        reasons.append(f"{results.counts['missing']} samples missing")
    return tuple(reasons)
