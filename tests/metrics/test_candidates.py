"""mAP, precision at K and IoU of scored candidates, against pycocotools and plain loops."""

import contextlib
import io

import numpy as np
import pytest

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.candidates import CandidateAggregator, score_candidates

SHAPE = (40, 120)


def rectangle(random: np.random.Generator) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    y, x = random.integers(0, 30), random.integers(0, 90)
    mask[y : y + random.integers(1, 40), x : x + random.integers(1, 120)] = True
    return mask


def make_queries(seed: int, scores: str = "distinct") -> dict[str, tuple[np.ndarray, list]]:
    """Per image a target and (score, mask) of its candidates: some near the target, some far, some empty."""
    random = np.random.default_rng(seed)
    queries = {}
    for number in range(12):
        target = rectangle(random)
        candidates = []
        for _ in range(random.integers(1, 5)):
            mask = target.copy() if random.random() < 0.7 else rectangle(random)
            mask[random.random(SHAPE) < random.choice([0.0, 0.1, 0.4])] = False
            score = float(random.random()) if scores == "distinct" else float(random.integers(0, 3)) / 2
            candidates.append((score, mask))
        queries[f"v_{random.integers(10**6)}_{number}"] = (target, candidates)
    return queries


def ours(queries: dict) -> dict[str, float | None]:
    aggregator = CandidateAggregator()
    for image_id, (target, candidates) in queries.items():
        masks = [MaskRows.from_dense(mask[None]) for _, mask in candidates]
        scored = score_candidates([score for score, _ in candidates], masks, MaskRows.from_dense(target[None]))
        aggregator.update([ScoredSample(image_id, scored.values, scored.statistics)])
    return dict(aggregator.compute())


def pycocotools(queries: dict) -> list[float]:
    from pycocotools import mask as coco
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def encode(mask: np.ndarray) -> dict:
        return coco.encode(np.asfortranarray(mask.astype(np.uint8)))

    annotations, results = [], []
    for image_id, (target, candidates) in queries.items():
        annotation = {"id": len(annotations) + 1, "image_id": image_id, "category_id": 1, "iscrowd": 0}
        annotations.append(annotation | {"segmentation": encode(target), "area": float(target.sum())})
        results += [
            {"image_id": image_id, "category_id": 1, "segmentation": encode(mask), "score": score}
            for score, mask in candidates
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        images = [{"id": image_id, "height": SHAPE[0], "width": SHAPE[1]} for image_id in queries]
        truth.dataset = {"images": images, "annotations": annotations, "categories": [{"id": 1}]}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "segm")
        evaluation.params.useCats = 0
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[:6].tolist()


@pytest.mark.parametrize("scores", ["distinct", "equal"])
@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_that_of_pycocotools(seed: int, scores: str) -> None:
    queries = make_queries(seed, scores)
    values = ours(queries)
    names = ("mAP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
    assert [-1 if values[name] is None else values[name] for name in names] == pycocotools(queries)


@pytest.mark.parametrize("seed", range(3))
def test_iou_and_precision_are_those_of_plain_loops(seed: int) -> None:
    queries = make_queries(seed, "equal")
    ious, total, union = [], 0, 0
    for target, candidates in queries.values():
        best = sorted(candidates, key=lambda pair: pair[0])[-1][1]
        shared, either = int((best & target).sum()), int((best | target).sum())
        ious.append(float((np.float32(shared) + np.float32(1e-6)) / (np.float32(either) + np.float32(1e-6))))
        total, union = total + shared, union + either
    values = ours(queries)
    assert values["mIoU"] == np.mean(ious)
    assert values["oIoU"] == total / union
    for k in (0.5, 0.6, 0.7, 0.8, 0.9):
        assert values[f"P@{k}"] == sum(iou > k for iou in ious) / len(ious)


@pytest.mark.parametrize(
    ("pixels", "of", "k", "counted"),
    [
        (50, 100, 0.5, False),
        (60, 100, 0.6, True),
        (70, 100, 0.7, False),
        (80, 100, 0.8, True),
        (90, 100, 0.9, False),
        (1, 2, 0.5, True),
        (7, 10, 0.7, True),
        (9, 10, 0.9, True),
    ],
)
def test_ratios_at_a_threshold_fall_as_in_32_bits(pixels: int, of: int, k: float, counted: bool) -> None:
    target = np.zeros((1, 1, of), bool)
    mask = target.copy()
    target[:] = True
    mask[..., :pixels] = True
    scored = score_candidates([0.5], [MaskRows.from_dense(mask)], MaskRows.from_dense(target))
    assert scored.values[f"P@{k}"] == float(counted)


def test_empty_masks_and_no_candidates() -> None:
    empty, full = MaskRows.empty(1, 4, 5), MaskRows.from_dense(np.ones((1, 4, 5), bool))
    assert score_candidates([1.0], [empty], empty).values["mIoU"] == 1.0
    assert score_candidates([1.0], [empty], full).values["mIoU"] == pytest.approx(5e-8)
    missing = score_candidates([], [], full)
    assert missing.values == {"mIoU": 0.0, **{f"P@{k}": 0.0 for k in (0.5, 0.6, 0.7, 0.8, 0.9)}}
    aggregator = CandidateAggregator()
    aggregator.update([ScoredSample("v/0", missing.values, missing.statistics)])
    assert (aggregator.compute()["mAP"], aggregator.compute()["oIoU"]) == (0.0, 0.0)
    assert aggregator.compute([])["mAP"] is None


def square(side: int, left: int = 0) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    mask[:side, left : left + side] = True
    return mask


def test_areas_at_the_bounds_are_small_and_medium_as_in_pycocotools() -> None:
    """32 x 32 pixels are both small and medium; a false candidate of that size counts in both."""
    queries = {"v_1_0": (square(32), [(0.9, square(32, left=60)), (0.8, square(32))])}
    values = ours(queries)
    names = ("mAP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large")
    assert [-1 if values[name] is None else values[name] for name in names] == pycocotools(queries)
    assert values["AP_small"] == values["AP_medium"] == pytest.approx(0.5)


def test_indices_select_queries() -> None:
    queries = make_queries(4)
    aggregator = CandidateAggregator()
    for image_id, (target, candidates) in queries.items():
        masks = [MaskRows.from_dense(mask[None]) for _, mask in candidates]
        scored = score_candidates([score for score, _ in candidates], masks, MaskRows.from_dense(target[None]))
        aggregator.update([ScoredSample(image_id, scored.values, scored.statistics)])
    some = dict(list(queries.items())[2:7])
    assert dict(aggregator.compute(range(2, 7))) == ours(some)


def test_an_empty_candidate_of_an_empty_target_overlaps_nothing() -> None:
    empty = MaskRows.from_dense(np.zeros((1, *SHAPE), bool))
    statistics = score_candidates([1.0], [empty], empty).statistics
    assert statistics.ious.tolist() == [0.0]
