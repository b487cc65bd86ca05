"""Points against masks, compared with loops that follow lmms-eval's definition step by step."""

import itertools
import random

import numpy as np
import pytest

from mevis_bench.metrics.points import PointTruth, make_truth, reference_point, score_points

HEIGHT, WIDTH = 20, 30


def square(left: int, top: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + 7, left : left + 7] = True
    return mask


def scene(seed: int) -> tuple[dict, PointTruth]:
    numbers = random.Random(seed)
    masks, predicted = {}, {}
    for frame in range(0, 24, 6):
        objects = [square(numbers.randrange(23), numbers.randrange(13)) for _ in range(3)]
        masks[frame] = np.stack([mask * (numbers.random() < 0.7) for mask in objects]).astype(bool)
        points = {}
        for name in ("0", "1", "10"):
            if numbers.random() < 0.7:
                near = objects[numbers.randrange(3)]
                x, y = reference_point(near)
                points[name] = (x + numbers.uniform(-6, 6), y + numbers.uniform(-6, 6))
        predicted[frame] = points
    predicted[3] = {"0": (1.0, 1.0)}  # a frame that is not scored
    return predicted, make_truth(masks)


def hit(point: tuple[float, float], mask: np.ndarray) -> bool:
    x, y = round(point[0]), round(point[1])
    return 0 <= x < WIDTH and 0 <= y < HEIGHT and bool(mask[y, x])


def best_pairs(cost: list[list[float]]) -> list[tuple[int, int]]:
    """The cheapest one-to-one assignment, by trying all."""
    rows, columns = len(cost), len(cost[0])
    if rows <= columns:
        options = [list(zip(range(rows), chosen)) for chosen in itertools.permutations(range(columns), rows)]  # noqa: B905
    else:
        options = [list(zip(chosen, range(columns))) for chosen in itertools.permutations(range(rows), columns)]  # noqa: B905
    return min(options, key=lambda pairs: sum(cost[row][column] for row, column in pairs))


def slow_f1(predicted: dict, truth: PointTruth, protocol: str) -> list[float]:
    rows = []
    for frame in truth.references:
        references, points = truth.references[frame], list(predicted.get(frame, {}).values())
        if not references or not points:
            rows.append([float(not references and not points)] * 3)
            continue
        cost = [[float(np.hypot(x - a, y - b)) for a, b in references.values()] for x, y in points]
        right = 0
        for row, column in best_pairs(cost):
            index = int(list(references)[column]) if protocol == "visible" else column
            right += hit(points[row], truth.masks[frame][index])
        p, r = right / len(points), right / (len(references) if protocol == "visible" else len(truth.masks[frame]))
        rows.append([p, r, 2 * p * r / (p + r + 1e-10) if p + r else 0.0])
    return [sum(column) / len(column) for column in zip(*rows, strict=True)]


def slow_hota(predicted: dict, truth: PointTruth) -> float:
    """HOTA at one threshold over all frames, with similarities 0 and 1."""
    frames = list(truth.references)
    pairs = {}
    for frame in frames:
        for reference in truth.references[frame]:
            for name, point in predicted.get(frame, {}).items():
                pairs[frame, reference, name] = float(hit(point, truth.masks[frame][int(reference)]))
    references = [(frame, name) for frame in frames for name in truth.references[frame]]
    names = [(frame, name) for frame in frames for name in predicted.get(frame, {})]
    if not references or not names:
        return float(not references and not names)

    def count(entries: list, name: str) -> int:
        return sum(entry[1] == name for entry in entries)

    alignment: dict = {}
    for (frame, reference, name), value in pairs.items():
        total = sum(v for (f, r, n), v in pairs.items() if f == frame and (n == name or r == reference)) - 0.0
        alignment[reference, name] = alignment.get((reference, name), 0.0) + (value / total if total else 0.0)
    matches: dict = {}
    for frame in frames:
        own = sorted(truth.references[frame])
        guesses = sorted(predicted.get(frame, {}))
        if not own or not guesses:
            continue
        score = [
            [
                -pairs[frame, r, n]
                * alignment[r, n]
                / (count(references, r) + count(names, n) - alignment[r, n] + np.finfo(float).eps)
                for n in guesses
            ]
            for r in own
        ]
        for row, column in best_pairs(score):
            if pairs[frame, own[row], guesses[column]]:
                key = own[row], guesses[column]
                matches[key] = matches.get(key, 0) + 1
    hits = sum(matches.values())
    if not hits:
        return 0.0
    association = sum(m * m / (count(references, r) + count(names, n) - m) for (r, n), m in matches.items()) / hits
    return float(np.sqrt(hits / (len(references) + len(names) - hits) * association))


@pytest.mark.parametrize("protocol", ["lmms_eval", "visible"])
@pytest.mark.parametrize("seed", range(12))
def test_scores_equal_the_loops(seed: int, protocol) -> None:
    predicted, truth = scene(seed)
    scores = score_points(predicted, truth, protocol)
    expected = slow_f1(predicted, truth, protocol)
    assert [scores.precision, scores.recall, scores.f1] == pytest.approx(expected, abs=1e-9)
    assert scores.hota == pytest.approx(slow_hota(predicted, truth), abs=1e-9)


def test_perfect_points_score_one_where_every_object_is_visible() -> None:
    truth = make_truth({0: np.stack([square(0, 0), square(15, 10)]), 6: np.stack([square(3, 3), square(20, 2)])})
    for protocol in ("lmms_eval", "visible"):
        scores = score_points(truth.references, truth, protocol)
        assert (scores.precision, scores.recall, scores.hota) == (1.0, 1.0, 1.0)
        assert scores.f1 == pytest.approx(1.0)


def test_an_absent_first_object_is_misjudged_by_lmms_eval_alone() -> None:
    absent = np.zeros((HEIGHT, WIDTH), bool)
    truth = make_truth({0: np.stack([absent, square(15, 10)])})
    right = score_points(truth.references, truth, "visible")
    assert (right.precision, right.recall) == (1.0, 1.0)
    wrong = score_points(truth.references, truth, "lmms_eval")
    assert (wrong.precision, wrong.recall, wrong.hota) == (0.0, 0.0, 1.0)


def test_swapped_identities_cost_association_only() -> None:
    both = np.stack([square(0, 0), square(20, 10)])
    truth = make_truth({0: both, 6: both})
    swapped = {0: truth.references[0], 6: {"0": truth.references[6]["1"], "1": truth.references[6]["0"]}}
    scores = score_points(swapped, truth, "visible")
    assert scores.f1 == pytest.approx(1.0)
    assert scores.hota == pytest.approx(np.sqrt(1 / 3))  # each pair: 1 hit of 2 + 2 - 1


def test_no_target_is_right_without_points_and_wrong_with_one() -> None:
    truth = make_truth({0: np.zeros((0, HEIGHT, WIDTH), bool)})
    for protocol in ("lmms_eval", "visible"):
        assert score_points({}, truth, protocol).f1 == 1.0
        assert score_points({}, truth, protocol).hota == 1.0
        assert score_points({0: {"0": (1.0, 1.0)}}, truth, protocol).f1 == 0.0
        assert score_points({0: {"0": (1.0, 1.0)}}, truth, protocol).hota == 0.0
        assert score_points({}, PointTruth({}, {}), protocol).f1 == 1.0


def test_a_reference_point_is_the_deepest_pixel() -> None:
    assert reference_point(square(4, 2)) == (7.0, 5.0)
