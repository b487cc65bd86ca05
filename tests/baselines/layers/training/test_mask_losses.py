import math

import pytest
import torch

from baselines.layers.training.mask_losses import mask_bce, mask_dice, pairwise_bce, pairwise_dice, probability_dice

TARGET = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
SURE = 40 * (2 * TARGET - 1)
"""Logits of the target itself, beyond any rounding."""

BOTH = [pytest.param(mask_bce, pairwise_bce, id="bce"), pytest.param(mask_dice, pairwise_dice, id="dice")]


def single(loss, logits, target=TARGET):
    return loss(logits, target).item()


@pytest.mark.parametrize(("loss", "pairwise"), BOTH)
def test_a_perfect_mask_costs_nothing(loss, pairwise):
    assert [single(loss, SURE), single(pairwise, SURE)] == pytest.approx([0, 0], abs=1e-6)


def test_undecided_logits_have_a_cross_entropy_of_ln_2():
    assert single(mask_bce, torch.zeros(1, 4)) == pytest.approx(math.log(2))
    assert single(pairwise_bce, torch.zeros(1, 4)) == pytest.approx(math.log(2))


def test_the_complement_of_the_target_is_expensive():
    assert [single(mask_bce, -SURE), single(pairwise_bce, -SURE)] == pytest.approx([40, 40])
    # Nothing in common, 2 and 2 pixels: 1 - (0 + 1) / (2 + 2 + 1).
    assert [single(mask_dice, -SURE), single(pairwise_dice, -SURE)] == pytest.approx([0.8, 0.8])


def test_dice_counts_the_overlap_twice():
    half = torch.tensor([[40.0, -40.0, -40.0, -40.0]])
    # One pixel in common, 1 predicted and 2 true: 1 - (2 * 1 + 1) / (1 + 2 + 1).
    assert [single(mask_dice, half), single(pairwise_dice, half)] == pytest.approx([0.25, 0.25])
    assert probability_dice(torch.tensor([[0.5, 0.5, 0.0, 0.0]]), TARGET).item() == pytest.approx(0.25)


def test_dice_of_an_empty_mask_is_the_share_of_what_is_predicted():
    empty = torch.zeros(1, 4)
    assert single(mask_dice, SURE, empty) == pytest.approx(2 / 3)
    assert single(mask_dice, torch.full((1, 4), -40.0), empty) == pytest.approx(0)


@pytest.mark.parametrize(("loss", "pairwise"), BOTH)
def test_pairwise_losses_are_those_of_single_masks(loss, pairwise):
    torch.manual_seed(1)
    logits, targets = torch.randn(3, 40), (torch.rand(4, 40) < 0.3).float()
    table = pairwise(logits, targets)
    assert table.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            torch.testing.assert_close(table[i, j], loss(logits[i : i + 1], targets[j : j + 1])[0])


def test_batch_axes_are_kept():
    torch.manual_seed(0)
    logits, targets = torch.randn(2, 3, 5), (torch.randn(2, 3, 5) > 0).float()
    for loss in (mask_bce, mask_dice, lambda x, y: probability_dice(x.sigmoid(), y)):
        rows = torch.stack([torch.stack([loss(logits[b, n], targets[b, n]) for n in range(3)]) for b in range(2)])
        torch.testing.assert_close(loss(logits, targets), rows)
    for loss, pairwise in ((mask_bce, pairwise_bce), (mask_dice, pairwise_dice)):
        for b in range(2):
            for n in range(3):
                for m in range(3):
                    pair = pairwise(logits, targets)[b, n, m]
                    torch.testing.assert_close(pair, loss(logits[b, n], targets[b, m]))
