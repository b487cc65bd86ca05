"""Options of scoring: every point that the paper leaves open, by name, so that each table can state its settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mevis_bench.metrics.protocols import MEVIS_V2, PROTOCOLS, ScoringProtocol
from mevis_bench.records import UsageError

METRICS_VERSION = "1"
"""Raised whenever the same predictions may get another score."""


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """Options of scoring; the defaults are the benchmark's.

    Attributes:
        protocol: Rules of a data set (:mod:`mevis_bench.metrics.protocols`); ``None``: those of the data set that is
            scored.
        no_target: Which prediction counts as "no target": ``empty`` (no foreground pixel in any frame), ``flag`` (the
            method's own target score below 0.5) or ``pixels:N`` (fewer than N foreground pixels in total).
        empty_on_target: A "no target" prediction where there is one: ``scored`` like any other, or ``zero`` (GRES).
        missing: A prediction that is missing or invalid: an ``error``, or ``zero`` for the sample.
        references: RMEG: ``all`` sentences of the same target set, or the sample's ``own``.
        device: Where dense arithmetic may run (``cpu``, ``cuda``, ``cuda:1``); no score depends on it.
    """

    protocol: ScoringProtocol | None = None
    no_target: str = "empty"
    empty_on_target: str = "scored"
    missing: str = "error"
    references: str = "all"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for field, patterns in _VALUES.items():
            value = getattr(self, field)
            if not any(re.fullmatch(pattern.replace("N", "[1-9][0-9]{0,8}"), value) for pattern in patterns):
                flag = field.replace("_", "-")
                raise UsageError(f"invalid value {value!r}: expected {' or '.join(patterns)}", location=f"--{flag}")

    @property
    def rules(self) -> ScoringProtocol:
        """The protocol; ``mevis_v2`` where neither an option nor a data set says which."""
        return self.protocol or MEVIS_V2

    def for_data_set(self, protocol: str) -> "ScoringOptions":
        """Return the options with the protocol of this name, unless they have one."""
        return self if self.protocol is not None else replace(self, protocol=PROTOCOLS[protocol])

    def as_choices(self) -> Mapping[str, str]:
        """Return every option that may change a score besides the protocol, and the version of the metrics."""
        return {field: getattr(self, field) for field in _VALUES} | {"metrics_version": METRICS_VERSION}

    def is_empty_prediction(self, pixels: int, target_score: float | None, sample: str) -> bool:
        """Return whether a prediction with ``pixels`` foreground pixels counts as "no target".

        Raises:
            UsageError: ``no_target`` is ``flag``, and the method gave no target score.
        """
        if self.no_target == "empty":
            return pixels == 0
        if self.no_target == "flag":
            if target_score is None:
                raise UsageError("the prediction has no target_score", location=sample, hint="Use --no-target empty.")
            return target_score < 0.5
        return pixels < int(self.no_target.removeprefix("pixels:"))


_VALUES: Mapping[str, tuple[str, ...]] = {
    "no_target": ("empty", "flag", "pixels:N"),
    "empty_on_target": ("scored", "zero"),
    "missing": ("error", "zero"),
    "references": ("all", "own"),
}
