"""Every open point of scoring as a named choice, so that each table can say what was chosen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from mevis_bench.records import UsageError

METRICS_VERSION = "1"
"""Raised whenever the same predictions may get another score."""


@dataclass(frozen=True, slots=True)
class ScoringOptions:
    """How the points that the paper leaves open are settled; the defaults are the benchmark's.

    Attributes:
        protocol: ``mevis_v2``: an expression without a target gets one credit, 1 if nothing is predicted in any
            frame, else 0 (the paper, section 5). ``mevis_v1``: frame by frame, as the official script scores.
        no_target: What counts as saying "no target": ``empty`` (no foreground pixel in any frame), ``flag`` (the
            method's own target score below 0.5) or ``pixels:N`` (fewer than N foreground pixels in all).
        empty_on_target: A target that is answered with "no target": ``scored`` like any other, or ``zero`` (GRES).
        missing: A prediction that is missing or broken: an ``error``, or ``zero`` for the sample.
        references: RMEG: ``all`` sentences of the same target set, or the sample's ``own``.
        device: Where dense arithmetic may run (``cpu``, ``cuda``, ``cuda:1``); no number depends on it.
    """

    protocol: str = "mevis_v2"
    no_target: str = "empty"
    empty_on_target: str = "scored"
    missing: str = "error"
    references: str = "all"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for field, patterns in _CHOICES.items():
            value = getattr(self, field)
            if not any(re.fullmatch(pattern.replace("N", "[1-9][0-9]{0,8}"), value) for pattern in patterns):
                flag = field.replace("_", "-")
                raise UsageError(f"--{flag} is {' or '.join(patterns)}, not {value!r}")

    def as_choices(self) -> Mapping[str, str]:
        """Return every choice by name, the version of the metrics included."""
        return {field: getattr(self, field) for field in _CHOICES if field != "protocol"} | {
            "metrics_version": METRICS_VERSION
        }

    def is_empty_prediction(self, pixels: int, target_score: float | None, sample: str) -> bool:
        """Return whether an answer of so many foreground pixels means "no target".

        Raises:
            UsageError: The method's own flag was asked for, and it gave none.
        """
        if self.no_target == "empty":
            return pixels == 0
        if self.no_target == "flag":
            if target_score is None:
                raise UsageError("the prediction has no target_score", location=sample, hint="Use --no-target empty.")
            return target_score < 0.5
        return pixels < int(self.no_target.removeprefix("pixels:"))


_CHOICES: Mapping[str, tuple[str, ...]] = {
    "protocol": ("mevis_v2", "mevis_v1"),
    "no_target": ("empty", "flag", "pixels:N"),
    "empty_on_target": ("scored", "zero"),
    "missing": ("error", "zero"),
    "references": ("all", "own"),
}
