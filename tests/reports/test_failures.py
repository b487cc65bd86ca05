"""Planted errors of every type are classified; costs add up to the J&F that the run lost."""

import numpy as np
import pytest

from mevis_bench.reports.failures import Failure, Overlaps, classify_error, confusion, count_failures, no_target_curve

AREA = 100
FRAMES = 10


def overlaps(**covered: list[int] | int) -> Overlaps:
    """Overlap with objects a, b, c of 100 pixels in each of 10 frames; arguments: covered pixels."""
    rows = [np.broadcast_to(covered.get(name, 0), FRAMES).astype(np.int64) for name in "abc"]
    areas = np.full((3, FRAMES), AREA, np.int64)
    return Overlaps(("a", "b", "c"), np.stack(rows), areas, np.sum(rows, axis=0))


def stray(pixels: int) -> Overlaps:
    base = overlaps()
    return Overlaps(base.ids, base.covered, base.areas, np.full(FRAMES, pixels, np.int64))


CASES = [
    (Failure.CORRECT, "", overlaps(a=95), "a", 0.9),
    (Failure.BOUNDARY, "", overlaps(a=70), "a", 0.6),
    (Failure.CORRECT, "", overlaps(), "", 1.0),
    (Failure.HALLUCINATED, "", overlaps(b=50), "", 0.0),
    (Failure.MISSED, "", overlaps(), "a", 0.0),
    (Failure.WRONG, "b instead", overlaps(b=90), "a", 0.0),
    (Failure.BACKGROUND, "", stray(50), "a", 0.0),
    (Failure.BACKGROUND, "", overlaps(a=20), "a", 0.1),
    (Failure.INCOMPLETE, "without c", overlaps(a=90, b=90), "abc", 0.6),
    (Failure.EXTRA, "with b, c", overlaps(a=90, b=90, c=80), "a", 0.3),
    (Failure.LOST, "after frame 5", overlaps(a=[90] * 6 + [0] * 4), "a", 0.5),
    (Failure.CORRECT, "", overlaps(a=[90] * 9 + [0]), "a", 0.8),
    (Failure.SWITCHED, "from a to b", overlaps(a=[90] * 5 + [0] * 5, b=[0] * 5 + [90] * 5), "a", 0.45),
    (Failure.SWITCHED, "from c to a", overlaps(c=[90] * 5 + [0] * 5, a=[0] * 5 + [90] * 5), "a", 0.45),
]


@pytest.mark.parametrize(("failure", "detail", "overlap", "targets", "score"), CASES)
def test_planted_errors_are_classified(
    failure: Failure, detail: str, overlap: Overlaps, targets: str, score: float
) -> None:
    analysis = classify_error("v/0", overlap, list(targets), score)
    assert (analysis.failure, analysis.detail, analysis.cost) == (failure, detail, 1 - score)


def test_iou_is_over_the_whole_video() -> None:
    analysis = classify_error("v/0", overlaps(a=[100] * 5 + [0] * 5), ["a"], 0.5)
    assert analysis.iou == {"a": 0.5, "b": 0.0, "c": 0.0}


def test_costs_add_up_to_the_loss() -> None:
    analyses = [
        classify_error(f"v/{index}", overlap, list(targets), score)
        for index, (_, _, overlap, targets, score) in enumerate(CASES)
    ]
    counts = count_failures(analyses)
    assert sum(count.samples for count in counts) == len(CASES)
    assert sum(count.cost for count in counts) == pytest.approx(1 - np.mean([case[4] for case in CASES]))
    assert [count.cost for count in counts] == sorted((count.cost for count in counts), reverse=True)
    assert count_failures([]) == ()


def test_confusion_rows_are_the_target_objects() -> None:
    analyses = [classify_error("v/0", overlaps(a=100), ["a"], 1.0), classify_error("v/1", overlaps(a=100), ["b"], 0.0)]
    matrix = confusion(analyses, {"v/0": ["a"], "v/1": ["b"]})
    assert matrix["a"]["a"] == 1.0
    assert matrix["b"] == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_operating_curve_runs_from_all_targets_to_none() -> None:
    curve = no_target_curve([(0.9, True), (0.6, True), (0.4, False), (0.7, False)])
    assert curve[0] == (0.0, 0.0, 1.0)
    assert curve[-1] == (float("inf"), 1.0, 0.0)
    assert (0.6, 0.5, 1.0) in curve
    assert no_target_curve([(0.5, True)]) == ()
