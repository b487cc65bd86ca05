"""Losses and matching costs against values computed by hand and against loops over all assignments."""

from itertools import permutations
from math import log

import numpy as np
import pytest
import torch

from baselines.layers.nn.boxes import generalized_iou
from baselines.layers.training.detection_losses import (
    assign,
    dice_loss,
    pairwise_class_cost,
    pairwise_dice_loss,
    pairwise_focal_cost,
    pairwise_giou_cost,
    pairwise_l1_cost,
    sigmoid_focal_loss,
    weighted_sum,
)

SURE = 40.0
"""A logit whose probability is 1 in float32."""
MASK = torch.tensor([1.0, 1.0, 0.0, 0.0, 0.0])


def test_undecided_logit_costs_ln_2_times_its_balance_and_a_quarter():
    loss = sigmoid_focal_loss(torch.zeros(2), torch.tensor([1.0, 0.0]))
    assert loss.tolist() == pytest.approx([0.25 * 0.25 * log(2), 0.75 * 0.25 * log(2)])


def test_focal_loss_without_focus_is_half_the_cross_entropy():
    logits, targets = torch.tensor([-1.5, 0.3, 2.0]), torch.tensor([1.0, 0.0, 1.0])
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    torch.testing.assert_close(sigmoid_focal_loss(logits, targets, alpha=0.5, gamma=0.0), 0.5 * entropy)


def test_focal_loss_of_probability_four_fifths():
    logit = torch.tensor([log(4.0)])
    assert sigmoid_focal_loss(logit, torch.ones(1)).item() == pytest.approx(0.25 * 0.2**2 * -log(0.8), rel=1e-5)
    assert sigmoid_focal_loss(logit, torch.zeros(1)).item() == pytest.approx(0.75 * 0.8**2 * -log(0.2))
    other = sigmoid_focal_loss(logit, torch.ones(1), alpha=0.4, gamma=3.0)
    assert other.item() == pytest.approx(0.4 * 0.2**3 * -log(0.8), rel=1e-5)


def test_focal_loss_of_perfect_and_opposite_prediction():
    perfect = SURE * (2 * MASK - 1)
    assert sigmoid_focal_loss(perfect, MASK).max().item() == pytest.approx(0, abs=1e-6)
    assert sigmoid_focal_loss(-perfect, MASK).tolist() == pytest.approx([0.25 * SURE] * 2 + [0.75 * SURE] * 3)


def test_dice_loss_of_perfect_opposite_undecided_and_empty():
    perfect = SURE * (2 * MASK - 1)
    assert dice_loss(perfect, MASK).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(-perfect, MASK).item() == pytest.approx(1 - 1 / (3 + 2 + 1))
    assert dice_loss(torch.zeros(5), MASK).item() == pytest.approx(1 - (2 * 1 + 1) / (2.5 + 2 + 1))
    assert dice_loss(torch.full((5,), -SURE), torch.zeros(5)).item() == pytest.approx(0, abs=1e-6)
    assert dice_loss(torch.full((5,), SURE), torch.zeros(5)).item() == pytest.approx(1 - 1 / 6)


def test_class_cost_is_positive_minus_negative_focal_loss_of_the_label():
    logits = torch.tensor([[0.0, log(4.0)], [-SURE, 0.0]])
    cost = pairwise_class_cost(logits, torch.tensor([1, 0, 1]))
    even = (0.25 - 0.75) * 0.25 * log(2)
    fits = 0.25 * 0.2**2 * -log(0.8) - 0.75 * 0.8**2 * -log(0.2)
    assert cost[0].tolist() == pytest.approx([fits, even, fits], rel=1e-5)
    assert cost[1].tolist() == pytest.approx([even, 0.25 * -log(1e-8), even], rel=1e-5)


def test_box_costs():
    boxes = torch.tensor([[0.5, 0.5, 0.4, 0.2], [0.2, 0.2, 0.2, 0.2]])
    targets = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.2, 0.2, 0.2, 0.2], [0.0, 0.0, 0.0, 0.0]])
    assert pairwise_l1_cost(boxes, targets)[0].tolist() == pytest.approx([0.2, 0.8, 1.6])
    giou = -pairwise_giou_cost(boxes, targets)
    assert giou[1, 1].item() == pytest.approx(1)
    assert giou[0, 0].item() == pytest.approx(0.5)
    hull = 0.6 * 0.5
    assert giou[0, 1].item() == pytest.approx(-(hull - 0.08 - 0.04) / hull)
    assert giou[1, 2].item() == pytest.approx(-(0.09 - 0.04) / 0.09)


def test_leading_axes_are_a_batch():
    rng = torch.Generator().manual_seed(2)
    logits, boxes, targets = (torch.randn(3, 4, n, generator=rng) for n in (2, 4, 4))
    boxes, targets = boxes.sigmoid(), targets.sigmoid()[:, :2]
    labels = torch.tensor([[0, 1], [1, 1], [1, 0]])
    for cost, one, other in [
        (pairwise_class_cost, logits, labels), (pairwise_l1_cost, boxes, targets), (pairwise_giou_cost, boxes, targets)
    ]:  # fmt: skip
        together = cost(one, other)
        assert together.shape == (3, 4, 2)
        for frame in range(3):
            torch.testing.assert_close(together[frame], cost(one[frame], other[frame]))


def test_epsilon_enters_numerators_and_denominators():
    box, point = torch.tensor([[0.0, 0.0, 0.1, 0.1]]), torch.tensor([[0.0, 0.0, 0.0, 0.0]])
    assert generalized_iou(box, point, 0.01).item() == pytest.approx(0.01 / 0.02 - 0.01 / 0.02)
    assert generalized_iou(box, box, 0.01).item() == pytest.approx(1 - 0.01 / 0.02)
    assert generalized_iou(point, point, 1e-6).item() == pytest.approx(0)
    assert generalized_iou(point, point).isnan().all()


def test_pairwise_mask_costs_are_the_losses_of_each_pair():
    rng = torch.Generator().manual_seed(3)
    logits, targets = 3 * torch.randn(4, 30, generator=rng), torch.rand(3, 30, generator=rng).round()
    focal, dice = pairwise_focal_cost(logits, targets), pairwise_dice_loss(logits, targets)
    for q in range(4):
        for o in range(3):
            assert focal[q, o].item() == pytest.approx(sigmoid_focal_loss(logits[q], targets[o]).mean().item())
            assert dice[q, o].item() == pytest.approx(dice_loss(logits[q], targets[o]).item(), abs=1e-6)


@pytest.mark.parametrize("shape", [(4, 3), (3, 4), (3, 3)])
def test_assignment_is_the_cheapest_of_all(shape):
    cost = torch.from_numpy(np.random.default_rng(1).normal(size=shape))
    rows, columns = assign(cost)
    wide = cost if shape[0] <= shape[1] else cost.T
    best = min(
        sum(wide[row, column].item() for row, column in enumerate(order))
        for order in permutations(range(wide.shape[1]), wide.shape[0])
    )
    assert cost[rows, columns].sum().item() == pytest.approx(best)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(set(columns.tolist())) == min(shape)


def test_assignment_without_objects_is_empty():
    rows, columns = assign(torch.zeros(5, 0))
    assert rows.tolist() == columns.tolist() == []
    assert rows.dtype == torch.int64


def test_auxiliary_layers_have_the_weight_of_the_last():
    losses = {
        name: torch.tensor(value) for name, value in [("loss_ce", 1.0), ("loss_ce_0", 10.0), ("loss_dice", 100.0)]
    }
    assert weighted_sum(losses, {"loss_ce": 2.0, "loss_dice": 5.0}).item() == 522
    with pytest.raises(KeyError, match="loss_mask"):
        weighted_sum({"loss_mask_1": torch.zeros(())}, {"loss_ce": 2.0})


def test_the_exponent_and_epsilon_of_costs_are_used():
    logits, targets = torch.tensor([[0.3, -1.2]]), torch.tensor([[1.0, 0.0]])
    expected = sigmoid_focal_loss(logits, targets, gamma=0.0).mean().item()
    assert pairwise_focal_cost(logits, targets, gamma=0.0).item() == pytest.approx(expected)
    point = torch.tensor([[0.5, 0.5, 0.0, 0.0]])
    # Numerators and denominators of both fractions are epsilon: -(1 - 1).
    assert pairwise_giou_cost(point, point, 1e-3).item() == 0
    half = torch.tensor([[0.5, 0.5, 1.0, 1.0]]), torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    # Intersection 0.5, union and hull 1, epsilon 1: -(1.5 / 2 - 1 / 2).
    assert pairwise_giou_cost(*half, 1.0).item() == pytest.approx(-0.25)


def test_a_probability_of_one_has_a_finite_cost():
    cost = pairwise_class_cost(torch.tensor([[SURE]]), torch.tensor([0]))
    assert cost.item() == pytest.approx(-0.75 * -log(1e-8), rel=1e-3)
