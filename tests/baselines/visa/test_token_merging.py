"""Merging of tokens against a loop over tokens, and by hand."""

import math

import pytest
import torch

from baselines.visa.token_merging import assign, merge_tokens


def looped(tokens: list[list[float]], clusters: int, neighbors: int) -> list[int]:
    """The same clustering, token by token."""
    n, c = len(tokens), len(tokens[0])
    distance = [[math.dist(a, b) / math.sqrt(c) for b in tokens] for a in tokens]
    density = [math.exp(-sum(d * d for d in sorted(row)[:neighbors]) / neighbors) for row in distance]
    largest = max(max(row) for row in distance)
    scores = []
    for i in range(n):
        denser = [distance[i][j] for j in range(n) if (density[j], -j) > (density[i], -i)]
        scores.append(min([largest, *denser]) * density[i])
    centers = sorted(range(n), key=lambda i: -scores[i])[:clusters]
    found = [min(range(clusters), key=lambda m: distance[centers[m]][i]) for i in range(n)]
    for m, center in enumerate(centers):
        found[center] = m
    return found


@pytest.mark.parametrize(("clusters", "neighbors", "used"), [(8, 5, 5), (4, 3, 3), (2, 3, 1)])
def test_tokens_are_assigned_as_by_a_loop(clusters: int, neighbors: int, used: int) -> None:
    """With fewer clusters than neighbors, half as many neighbors as clusters count, at most 3.

    With one neighbor, a token itself, all densities are equal, and the order of the tokens decides.
    """
    tokens = torch.randn(2, 16, 6, generator=torch.Generator().manual_seed(0))
    found = assign(tokens, clusters, neighbors)
    assert found.tolist() == [looped(rows.tolist(), clusters, used) for rows in tokens]


def test_two_groups_become_their_means_at_every_step() -> None:
    groups = torch.tensor([[0.0, 0.0], [0.0, 0.2], [0.2, 0.0], [9.0, 9.0], [9.0, 9.2], [9.1, 9.0]])
    merged = merge_tokens(groups[None], (2, 1))
    means = [groups[:3].mean(0), groups[3:].mean(0)]
    assert merged.shape == (1, 3, 2)
    first = sorted(merged[0, :2].tolist())
    for found, expected in zip(first, means, strict=True):
        assert found == pytest.approx(expected.tolist(), abs=1e-4)
    assert merged[0, 2].tolist() == pytest.approx(torch.stack(means).mean(0).tolist(), abs=1e-4)


def test_equal_tokens_are_no_special_case() -> None:
    merged = merge_tokens(torch.ones(1, 9, 4), (4, 2, 1))
    assert merged.shape == (1, 7, 4)
    assert merged.isfinite().all()
