"""Scoring protocols: the properties in which two ways of scoring the same predictions differ.

A protocol of another data set is one more record here. A property that no present protocol needs (matching of
predictions to objects, a subset of the frames, a mean over annotators) becomes a field with a default that leaves the
present ones unchanged; the functions that use a field end in ``assert_never``, so mypy names them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean

NoTargetRule = Literal["credit", "frames"]
Averaging = Literal["expressions"]


@dataclass(frozen=True, slots=True)
class ScoringProtocol:
    """Rules by which predictions become scores.

    Attributes:
        name: Name in results, tables and ``--protocol``.
        source: Where the rules are published.
        no_target: J and F of an expression without a target. ``credit``: 1 if the prediction is empty, else 0.
            ``frames``: frame by frame like any other; a frame that is empty on both sides scores 1.
        boundary_tolerance: Largest distance of two matching boundary pixels, as a share of the frame's diagonal.
        hota_thresholds: Similarities from which two boxes match; HOTA is the mean over them.
        averaging: What the means are over. ``expressions``: every expression weighs the same, whatever its video.
    """

    name: str
    source: str
    no_target: NoTargetRule
    boundary_tolerance: float = 0.008
    hota_thresholds: tuple[float, ...] = tuple(0.05 + 0.05 * step for step in range(19))
    averaging: Averaging = "expressions"


MEVIS_V2 = ScoringProtocol("mevis_v2", "the paper, section 5", no_target="credit")
MEVIS_V1 = ScoringProtocol("mevis_v1", "MeViS version 1, the official script", no_target="frames")

REFER_YOUTUBE_VOS = ScoringProtocol(
    "refer_youtube_vos",
    "no public code: J and F of DAVIS over all listed frames, mean over expressions; not the closed server's",
    no_target="frames",
)

PROTOCOLS: Mapping[str, ScoringProtocol] = {
    protocol.name: protocol for protocol in (MEVIS_V2, MEVIS_V1, REFER_YOUTUBE_VOS)
}


def find_protocol(name: str | None) -> ScoringProtocol | None:
    """Return the protocol of this name; ``None`` for ``None``: that of the data set.

    Raises:
        UsageError: There is none.
    """
    if name is None:
        return None
    if name not in PROTOCOLS:
        raise UsageError(f"unknown protocol {name!r}", location="--protocol", hint=did_you_mean(name, list(PROTOCOLS)))
    return PROTOCOLS[name]
