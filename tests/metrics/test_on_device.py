"""The torch path gives the integers of the loops, on CPU tensors always and on a GPU where there is one."""

import numpy as np
import pytest

from mevis_bench.masks import MaskRows
from mevis_bench.metrics.boundary import boundary_of, match_counts
from mevis_bench.metrics.on_device import count_frames, count_rows
from mevis_bench.metrics.region import intersections
from tests.fixtures.random_predictions import draw_mask

TOLERANCE = 0.03
"""Not that of MeViS, so that radii above 1 occur in small frames."""


def check(device: str, cases: int) -> None:
    import torch

    rng = np.random.default_rng(4)
    for _ in range(cases):
        height, width = (int(side) for side in rng.integers(1, 50, 2))
        length = int(rng.choice([1, 2, 35]))
        dense = [np.stack([draw_mask(rng, height, width) for _ in range(length)]) for _ in range(2)]
        prediction, ground_truth = (MaskRows.from_dense(masks) for masks in dense)
        shared = intersections(prediction, ground_truth)
        union = prediction.areas() + ground_truth.areas() - shared
        counts = match_counts(boundary_of(prediction), boundary_of(ground_truth), length, height, width, TOLERANCE)
        expected = np.concatenate([np.stack([shared, union], axis=1), counts], axis=1)
        assert np.array_equal(count_rows(prediction, ground_truth, TOLERANCE, device), expected)
        on_device = [torch.from_numpy(masks).to(device) for masks in dense]
        assert np.array_equal(count_frames(*on_device, TOLERANCE).cpu().numpy(), expected)


def test_cpu_tensors() -> None:
    check("cpu", 60)


@pytest.mark.gpu
def test_cuda() -> None:
    check("cuda", 300)
