"""A scoring protocol as text: the rules that a reader has to know to repeat a number."""

from collections.abc import Mapping
from typing import assert_never

from mevis_bench.metrics.protocols import ScoringProtocol


def describe_protocol(protocol: ScoringProtocol) -> Mapping[str, str]:
    """Return the rules of a protocol by topic, each in a sentence or less."""
    return {
        "protocol": f"{protocol.name}: {protocol.source}",
        "scored frames": _frames(protocol),
        "empty ground truth": _empty(protocol),
        "matching": _matching(protocol),
        "averaging": _averaging(protocol),
        "boundary tolerance": f"{protocol.boundary_tolerance:g} of the frame's diagonal, rounded up to pixels",
    }


def _frames(protocol: ScoringProtocol) -> str:
    if protocol.measure == "candidates":
        return "the one annotated frame of each query"
    if protocol.measure == "points":
        return f"one in {protocol.point_step} of the frames that the data set lists, from the first one"
    match protocol.scored_frames:
        case "all":
            frames = "all frames that the data set lists"
        case "inner":
            frames = "all frames but the first and the last one"
        case _:
            assert_never(protocol.scored_frames)
    match protocol.missing_frames:
        case "error":
            return frames
        case "empty":
            return f"{frames}; a missing frame after the first counts as an empty mask"
        case _:
            assert_never(protocol.missing_frames)


def _empty(protocol: ScoringProtocol) -> str:
    match protocol.no_target:
        case "credit":
            return "an expression without a target: 1 if the prediction is empty, else 0"
        case "frames":
            return "a frame without target and without prediction: 1; also for expressions without a target"
        case _:
            assert_never(protocol.no_target)


def _matching(protocol: ScoringProtocol) -> str:
    if protocol.measure == "points":
        return "points with the objects of their expression that are visible in the frame, by distance"
    if protocol.measure == "candidates":
        return "per query: average precision over all candidates, the rest of the one with the highest score"
    match protocol.matching:
        case "identity":
            return "every prediction with the target of its own expression"
        case "hungarian":
            return "within a video and annotator the assignment with the highest J&F, so swapped objects cost nothing"
        case _:
            assert_never(protocol.matching)


def _averaging(protocol: ScoringProtocol) -> str:
    match protocol.measure:
        case "regions":
            return "J and F over the frames of an expression, then over expressions; J&F = (J + F) / 2"
        case "annotators":
            return "J and F over frames, then over the objects of all videos, then over annotators; J&F = (J + F) / 2"
        case "candidates":
            return "mAP, precision and IoU over all queries; overall IoU from sums of pixels"
        case "revos":
            digits = "" if protocol.decimals is None else f", rounded to {protocol.decimals} decimals of percent"
            return (
                f"over the frames of an expression{digits}, then over the expressions of a kind, then over referring "
                f"and reasoning; answers have the pixel value {protocol.foreground_value}"
            )
        case "long_rvos":
            return "over the frames of an expression, then over all expressions, whatever their kind"
        case "points":
            return "over the scored frames of an expression, then over expressions"
        case _:
            assert_never(protocol.measure)
