"""Kendall's rank correlation with ties (tau-b), and its exact p-value for the few rows of a table.

M. G. Kendall, "The treatment of ties in ranking problems", Biometrika 33 (1945).
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_EXACT = 9
"""Most rows for an exact p-value: its 9! = 362,880 orders take a second."""


def kendall_tau_b(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return Kendall's tau-b of two rankings, in [-1, 1].

    Args:
        first: float ``(n,)``.
        second: float ``(n,)``, of the same items.

    Returns:
        ``None`` where it is undefined: fewer than two items, or one ranking ties all.

    Raises:
        ValueError: The lengths differ.
    """
    a, b = _signs(first), _signs(second)
    if a.shape != b.shape:
        raise ValueError("expected two rankings of the same items")
    untied = float(np.count_nonzero(a)) * float(np.count_nonzero(b))
    return float(a @ b) / untied**0.5 if untied else None


def exact_p(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Return the exact one-sided p-value of Kendall's tau-b.

    That is the share of all orders of the second ranking that agree with the first at least as well as the given one.
    Ties stay ties in every order, so the denominator of tau-b is constant.

    Returns:
        ``None``: tau-b is undefined, or there are more than ``MAX_EXACT`` items.

    Raises:
        ValueError: The lengths differ.
    """
    if kendall_tau_b(first, second) is None or len(first) > MAX_EXACT:
        return None
    rows, columns = np.triu_indices(len(first), 1)
    orders = np.array(list(permutations(range(len(second)))), np.int8)
    a, ranks = _signs(first), np.asarray(second, np.float64)
    observed = a @ _signs(second)
    agreements = np.zeros(len(orders), np.int64)
    for sign, row, column in zip(a, rows, columns, strict=True):
        agreements += sign * np.sign(ranks[orders[:, row]] - ranks[orders[:, column]]).astype(np.int64)
    return float(np.mean(agreements >= observed))


def _signs(values: ArrayLike) -> NDArray[np.int64]:
    """Return the order of every pair of items, -1, 0 or 1, ``(n * (n - 1) / 2,)``."""
    ranks = np.asarray(values, np.float64)
    rows, columns = np.triu_indices(ranks.size, 1)
    return np.sign(ranks[rows] - ranks[columns]).astype(np.int64)
