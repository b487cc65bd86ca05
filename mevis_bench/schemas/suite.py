"""A suite: several runs from one file, ``configs/suites/<name>.yaml``."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from mevis_bench.schemas.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class Suite:
    """Several runs.

    Attributes:
        name: Name of the suite.
        runs: Runs, in order; their keys are those of a run's configuration, without ``out``. Paths are relative to the
            current folder.
        skip_missing_weights: Whether runs whose weights are not on this machine are left out, with a note; else they
            are an error.
    """

    name: str
    runs: Annotated[tuple[RunConfig, ...], Meta(min_length=1)]
    skip_missing_weights: bool = False
