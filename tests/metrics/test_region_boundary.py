"""J and F are bit for bit those of the slow references."""

import numpy as np
import pytest

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.boundary import boundary_f, boundary_of, match_counts, match_radius
from mevis_bench.metrics.protocols import MEVIS_V2
from mevis_bench.metrics.region import intersections, region_j
from tests.fixtures.random_predictions import draw_mask_pair
from tests.references import region_boundary as reference


def scores(ground_truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    true, predicted = MaskRows.from_dense(ground_truth), MaskRows.from_dense(prediction)
    shared = intersections(predicted, true)
    counts = match_counts(boundary_of(predicted), boundary_of(true), *ground_truth.shape, MEVIS_V2.boundary_tolerance)
    return region_j(shared, true.areas() + predicted.areas() - shared), boundary_f(counts)


@pytest.mark.parametrize("seed", range(10))
def test_500_random_clips_are_bit_equal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for case in range(500):
        ground_truth, prediction = draw_mask_pair(rng)
        j, f = scores(ground_truth, prediction)
        assert (float(np.mean(j)), float(np.mean(f))) == reference.score_v1(ground_truth, prediction), (seed, case)


def test_a_mask_that_fills_the_frame_has_no_boundary() -> None:
    full = np.ones((1, 5, 7), bool)
    assert boundary_of(MaskRows.from_dense(full)).spans.size == 0
    assert scores(full, full)[1].tolist() == [1.0]
    assert scores(full, np.zeros_like(full))[1].tolist() == [1.0]
    assert scores(full, np.zeros_like(full))[0].tolist() == [0.0]


@pytest.mark.parametrize(("height", "width", "radius"), [(480, 854, 8), (720, 1280, 12), (1080, 1920, 18), (1, 1, 1)])
def test_tolerance(height: int, width: int, radius: int) -> None:
    assert match_radius(height, width, MEVIS_V2.boundary_tolerance) == radius


def test_boundary_keeps_the_official_corners() -> None:
    mask = np.zeros((1, 3, 4), bool)
    mask[0, 2, 3] = True
    spans = boundary_of(MaskRows.from_dense(mask))
    assert spans.offsets.tolist() == [0, 0, 2, 4]  # above and above left; left of it in the last row
    assert spans.spans.tolist() == [2, 4, 2, 3]
