"""Accepted results that ``mevis-bench gate`` compares with: ``configs/suites/<suite>.expected.json``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class AcceptedRun:
    """Accepted results of one run.

    Attributes:
        fingerprint: Fingerprint of the split's annotation files.
        protocol: Scoring protocol.
        choices: Every option that changes a number.
        metrics: Aggregate values, fractions; ``None``: undefined.
        samples: Values per sample by metric, for the paired test.
    """

    fingerprint: str
    protocol: str
    choices: Mapping[str, str]
    metrics: Mapping[str, int | float | None]
    samples: Mapping[str, Mapping[str, int | float]]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Accepted results of several runs.

    Attributes:
        tolerance: Allowed decrease by metric, a fraction; ``default`` applies to all other metrics.
        runs: Accepted runs by ``<task>/<method>:<variant>/<split>``.
        schema: Number of this layout.
    """

    tolerance: Mapping[str, int | float]
    runs: Mapping[str, AcceptedRun]
    schema: Literal[1] = 1
