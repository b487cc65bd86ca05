import math

import pytest
import torch

from baselines.lmpmpp.losses import (
    LOSS_WEIGHTS,
    mask_matching_cost,
    optimal_assignment,
    temporal_contrastive_loss,
    total_loss,
)


def reference_equation_1(anchors, tokens, positives, negatives, tau):
    def cosine(x, y):
        return sum(a * b for a, b in zip(x, y, strict=True)) / math.sqrt(sum(a * a for a in x) * sum(b * b for b in y))

    losses = []
    for i, anchor in enumerate(anchors.tolist()):
        P = [t for j, t in enumerate(tokens.tolist()) if positives[i, j]]
        N = [t for j, t in enumerate(tokens.tolist()) if negatives[i, j]]
        if not P:
            continue
        total = sum(math.exp(cosine(anchor, t) / tau) for t in P + N)
        losses.append(-sum(math.log(math.exp(cosine(anchor, t) / tau) / total) for t in P) / len(P))
    return sum(losses) / len(losses)


def test_equation_1_equals_the_slow_reference():
    torch.manual_seed(0)
    anchors, tokens = torch.randn(5, 6), torch.randn(9, 6)
    positives = torch.rand(5, 9) < 0.3
    positives[4] = False
    negatives = (torch.rand(5, 9) < 0.5) & ~positives
    loss = temporal_contrastive_loss(anchors, tokens, positives, negatives, 0.2)
    expected = reference_equation_1(anchors, tokens, positives, negatives, 0.2)
    assert math.isclose(loss.item(), expected, rel_tol=1e-5)


def test_equation_1_without_any_positive_is_zero_and_has_a_gradient():
    anchors = torch.randn(3, 4, requires_grad=True)
    none = torch.zeros(3, 2, dtype=torch.bool)
    loss = temporal_contrastive_loss(anchors, torch.randn(2, 4), none, none, 0.07)
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(anchors.grad).all()


def test_equation_1_prefers_the_ordered_token_to_the_shuffled_one():
    anchor = torch.tensor([[1.0, 0.0]])
    yes, no = torch.tensor([[True, False]]), torch.tensor([[False, True]])
    right = temporal_contrastive_loss(anchor, torch.tensor([[1.0, 0.1], [0.0, 1.0]]), yes, no, 0.07)
    wrong = temporal_contrastive_loss(anchor, torch.tensor([[0.0, 1.0], [1.0, 0.1]]), yes, no, 0.07)
    assert right < wrong


def test_equation_2_has_the_paper_s_weights():
    losses = {"txt": 1.0, "bce": 10.0, "dice": 100.0, "con": 1000.0}
    assert LOSS_WEIGHTS == {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3}
    total = total_loss({name: torch.tensor(value) for name, value in losses.items()})
    torch.testing.assert_close(total, torch.tensor(1.0 + 20.0 + 50.0 + 300.0))


def test_the_matching_cost_weighs_bce_and_dice_as_equation_2():
    logits, targets = torch.tensor([[0.0, 0.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    expected = 2 * math.log(2) + 0.5 * (1 - 3 / 5)
    assert mask_matching_cost(logits, targets).item() == pytest.approx(expected)
    expected = 5 * math.log(2) + 3 * (1 - 3 / 5)
    assert mask_matching_cost(logits, targets, {"bce": 5.0, "dice": 3.0}).item() == pytest.approx(expected)


def test_optimal_assignment_equals_the_hungarian_method():
    from scipy.optimize import linear_sum_assignment

    torch.manual_seed(2)
    cost = torch.rand(20, 4, 4)
    for table, assignment in zip(cost, optimal_assignment(cost), strict=True):
        assert assignment.tolist() == linear_sum_assignment(table.numpy())[1].tolist()


def test_equation_1_of_one_anchor_with_one_positive_by_hand():
    anchor = torch.tensor([[1.0, 0.0]])
    tokens = torch.tensor([[2.0, 0.0], [0.0, 3.0]])  # cosines 1 and 0
    positives = torch.tensor([[True, False]])
    loss = temporal_contrastive_loss(anchor, tokens, positives, ~positives, 0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-1 / 0.5)))
