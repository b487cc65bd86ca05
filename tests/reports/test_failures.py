"""Planted failures of every kind get the right name; costs add up to what the run lost."""

import numpy as np
import pytest

from mevis_bench.reports.failures import Failure, Overlaps, confusion, count_failures, diagnose, no_target_curve

AREA = 100
FRAMES = 10


def overlaps(**covered: list[int] | int) -> Overlaps:
    """Objects a, b, c of 100 pixels in each of 10 frames; how many of them the prediction covers."""
    rows = [np.broadcast_to(covered.get(name, 0), FRAMES).astype(np.int64) for name in "abc"]
    areas = np.full((3, FRAMES), AREA, np.int64)
    return Overlaps(("a", "b", "c"), np.stack(rows), areas, np.sum(rows, axis=0))


def stray(pixels: int) -> Overlaps:
    base = overlaps()
    return Overlaps(base.ids, base.covered, base.areas, np.full(FRAMES, pixels, np.int64))


CASES = [
    (Failure.RIGHT, "", overlaps(a=95), "a", 0.9),
    (Failure.BOUNDARY, "", overlaps(a=70), "a", 0.6),
    (Failure.RIGHT, "", overlaps(), "", 1.0),
    (Failure.HALLUCINATED, "", overlaps(b=50), "", 0.0),
    (Failure.EMPTY, "", overlaps(), "a", 0.0),
    (Failure.WRONG, "b instead", overlaps(b=90), "a", 0.0),
    (Failure.BACKGROUND, "", stray(50), "a", 0.0),
    (Failure.BACKGROUND, "", overlaps(a=20), "a", 0.1),
    (Failure.MISSING, "without c", overlaps(a=90, b=90), "abc", 0.6),
    (Failure.EXTRA, "with b, c", overlaps(a=90, b=90, c=80), "a", 0.3),
    (Failure.LOST, "after frame 5", overlaps(a=[90] * 6 + [0] * 4), "a", 0.5),
    (Failure.RIGHT, "", overlaps(a=[90] * 9 + [0]), "a", 0.8),
    (Failure.SWITCHED, "from a to b", overlaps(a=[90] * 5 + [0] * 5, b=[0] * 5 + [90] * 5), "a", 0.45),
    (Failure.SWITCHED, "from c to a", overlaps(c=[90] * 5 + [0] * 5, a=[0] * 5 + [90] * 5), "a", 0.45),
]


@pytest.mark.parametrize(("failure", "detail", "seen", "targets", "score"), CASES)
def test_planted_failures_get_their_name(
    failure: Failure, detail: str, seen: Overlaps, targets: str, score: float
) -> None:
    anatomy = diagnose("v/0", seen, list(targets), score)
    assert (anatomy.failure, anatomy.detail, anatomy.cost) == (failure, detail, 1 - score)


def test_iou_is_over_the_whole_video() -> None:
    anatomy = diagnose("v/0", overlaps(a=[100] * 5 + [0] * 5), ["a"], 0.5)
    assert anatomy.iou == {"a": 0.5, "b": 0.0, "c": 0.0}


def test_costs_add_up_to_the_loss() -> None:
    anatomies = [
        diagnose(f"v/{index}", seen, list(targets), score) for index, (_, _, seen, targets, score) in enumerate(CASES)
    ]
    counts = count_failures(anatomies)
    assert sum(count.samples for count in counts) == len(CASES)
    assert sum(count.cost for count in counts) == pytest.approx(1 - np.mean([case[4] for case in CASES]))
    assert [count.cost for count in counts] == sorted((count.cost for count in counts), reverse=True)
    assert count_failures([]) == ()


def test_confusion_rows_are_what_was_asked() -> None:
    anatomies = [diagnose("v/0", overlaps(a=100), ["a"], 1.0), diagnose("v/1", overlaps(a=100), ["b"], 0.0)]
    matrix = confusion(anatomies, {"v/0": ["a"], "v/1": ["b"]})
    assert matrix["a"]["a"] == 1.0
    assert matrix["b"] == {"a": 1.0, "b": 0.0, "c": 0.0}


def test_operating_curve_runs_from_all_targets_to_none() -> None:
    curve = no_target_curve([(0.9, True), (0.6, True), (0.4, False), (0.7, False)])
    assert curve[0] == (0.0, 0.0, 1.0)
    assert curve[-1] == (float("inf"), 1.0, 0.0)
    assert (0.6, 0.5, 1.0) in curve
    assert no_target_curve([(0.5, True)]) == ()
