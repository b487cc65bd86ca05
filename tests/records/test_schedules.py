"""Schedules against values computed by hand."""

import pytest

from mevis_bench.records.schedules import (
    ConstantSchedule,
    MultiStepSchedule,
    PolynomialSchedule,
    WarmupCosineSchedule,
)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ConstantSchedule(), {0: 1, 9: 1}),
        # warm-up 1/4, 2/4, 3/4, 1; then half a cosine over the eight steps that are left: 1, ..., 1/2 in the middle
        (WarmupCosineSchedule(4), {0: 0.25, 1: 0.5, 3: 1, 4: 1, 8: 0.5, 10: 0.146447, 11: 0.038060}),
        (WarmupCosineSchedule(0, final=0.2), {0: 1, 6: 0.6, 9: 0.317157}),
        (MultiStepSchedule((0.5, 0.75)), {0: 1, 5: 1, 6: 0.1, 8: 0.1, 9: 0.01, 11: 0.01}),
        (MultiStepSchedule((2 / 3,), gamma=0.4), {7: 1, 8: 0.4}),
        (PolynomialSchedule(0.9), {0: 1, 6: 0.535887, 11: 0.106841}),
        (PolynomialSchedule(1), {3: 0.75}),
    ],
)
def test_factors_of_twelve_steps(schedule, expected):
    for step, factor in expected.items():
        assert schedule.factor(step, 12) == pytest.approx(factor, abs=1e-6), step
