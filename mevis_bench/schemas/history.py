"""``history.jsonl``: one line per run and night."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    """One value at one time.

    Attributes:
        value: A fraction.
        low: Lower end of its 95 % interval; ``None``: the metric is not a mean over samples.
        high: Upper end.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One run of one night.

    Attributes:
        run: ``<task>/<method>:<variant>/<split>``.
        commit: Commit of the code, shortened; ``-``: unknown.
        time: ISO 8601, UTC.
        points: Values by metric and slice; the slice ``all`` is the whole split.
    """

    run: str
    commit: str
    time: str
    points: Mapping[str, Mapping[str, Point]]
