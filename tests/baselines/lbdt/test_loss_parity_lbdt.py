"""LBDT's losses against its authors' functions."""

import math

import pytest
import torch

from baselines.lbdt.losses import LbdtLossConfig, LbdtTargets, compute_losses, total_loss
from tests.baselines.loss_vectors import check_gradients, check_losses, float_tensor, loss_files
from tests.baselines.parity import load_vectors


@pytest.mark.parametrize("path", loss_files("lbdt", step=False))
def test_loss_parity_of_the_batch(path):
    vectors = load_vectors(path)
    logits = float_tensor(vectors["out/pred"]).requires_grad_()
    targets, config = LbdtTargets(float_tensor(vectors["tgt/orig_mask"])), LbdtLossConfig()
    losses = compute_losses(logits, targets, config)
    check_losses(losses, vectors)
    total = total_loss(losses, config)
    assert total.item() == pytest.approx(float(vectors["total"]), rel=1e-4)
    total.backward()
    check_gradients({"pred": logits}, vectors)


def test_undecided_logits_by_hand():
    targets = LbdtTargets(torch.tensor([[[1.0, 1.0], [0.0, 0.0]]]))
    losses = compute_losses(torch.zeros(1, 2, 2), targets, LbdtLossConfig())
    # Half of the pixels are positive: (1.5 + 1) / 2 * ln 2; overlap 1, sums 2 and 2.
    assert losses["loss_bce"].item() == pytest.approx(1.25 * math.log(2))
    assert losses["loss_dice"].item() == pytest.approx(1 - 3 / 5)
    assert total_loss(losses, LbdtLossConfig()).item() == pytest.approx(0.625 * math.log(2) + 0.2)


def test_saturated_logits_have_no_dice_gradient():
    # 12: a probability of 0.999994, beyond the clamp's 0.9999, whose own gradient is not yet 0.
    logits = torch.tensor([[[12.0, 12.0], [-12.0, -12.0]]], requires_grad=True)
    loss = compute_losses(logits, LbdtTargets(torch.ones(1, 2, 2)), LbdtLossConfig())["loss_dice"]
    loss.backward()
    assert not logits.grad.any()


def test_targets_are_united_grow_by_a_pixel_and_may_be_empty():
    left, right = torch.zeros(3, 3), torch.zeros(3, 3)
    left[0, 0], right[0, 2] = 1, 1
    targets = LbdtTargets.from_objects([torch.stack((left, right)), torch.zeros(0, 3, 3)], (5, 5))
    # Aligned corners: output cell 1 lies half-way between input cells 0 and 1, cell 2 on input cell 1.
    expected = torch.zeros(2, 5, 5)
    expected[0, :2, :2] = expected[0, :2, 3:] = 1
    assert torch.equal(targets.masks, expected)


def test_targets_are_scaled_with_aligned_corners():
    center = torch.zeros(1, 3, 3)
    center[0, 1, 1] = 1
    # Aligned corners: the cells of a 2 x 2 map lie on the corners of the 3 x 3 map and never meet its center.
    assert not LbdtTargets.from_objects([center], (2, 2)).masks.any()
