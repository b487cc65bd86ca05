"""Kendall's tau-b and its exact p-value equal SciPy's where SciPy has them, and a slow enumeration elsewhere."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kendalltau

from mevis_bench.reports.rank_correlation import MAX_EXACT, exact_p, kendall_tau_b


@pytest.mark.parametrize("seed", range(20))
def test_tau_b_equals_scipy_with_and_without_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 4, 8), rng.normal(size=8)
    assert kendall_tau_b(a, b) == pytest.approx(kendalltau(a, b).statistic)
    assert kendall_tau_b(b, -b) == pytest.approx(-1)


@pytest.mark.parametrize("n", range(2, 9))
def test_the_p_value_without_ties_equals_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    for _ in range(3):
        a, b = rng.permutation(n).tolist(), rng.permutation(n).tolist()
        expected = kendalltau(a, b, method="exact", alternative="greater").pvalue
        assert exact_p(a, b) == pytest.approx(expected)


@pytest.mark.parametrize(("a", "b"), [([1, 1, 2, 3, 4], [2, 1, 3, 3, 5]), ([1, 2, 2, 2], [3, 1, 4, 4])])
def test_the_p_value_with_ties_is_the_share_of_all_orders(a: list[float], b: list[float]) -> None:
    observed = kendalltau(a, b).statistic
    taus = [kendalltau(a, order).statistic for order in permutations(b)]
    assert exact_p(a, b) == pytest.approx(np.mean([tau >= observed - 1e-12 for tau in taus]))


def test_known_values() -> None:
    # Seven methods, two neighbors swapped: tau = 1 - 2 * 1 / 21. Kendall's table: P(S >= 19) = 7 / 5040.
    a, b = [1, 2, 3, 4, 5, 6, 7], [2, 1, 3, 4, 5, 6, 7]
    assert kendall_tau_b(a, b) == pytest.approx(1 - 2 / 21)
    assert exact_p(a, b) == pytest.approx(7 / 5040)


def test_what_is_undefined_is_none() -> None:
    assert kendall_tau_b([], []) is kendall_tau_b([1], [2]) is None
    assert kendall_tau_b([1, 1, 1], [1, 2, 3]) is exact_p([1, 1, 1], [1, 2, 3]) is None
    too_many = list(range(MAX_EXACT + 1))
    assert kendall_tau_b(too_many, too_many) == 1
    assert exact_p(too_many, too_many) is None


def test_rankings_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="same items"):
        kendall_tau_b([1, 2, 3], [1, 2])
