import math

import pytest
import torch

from baselines.layers.training.point_sampling import uniform_points
from baselines.layers.training.set_criterion import SetConfig, SetOutputs, match_set, matching_cost, set_losses

CONFIG = SetConfig(train_num_points=16)
CENTERS = torch.stack(torch.meshgrid((torch.arange(4) + 0.5) / 4, (torch.arange(4) + 0.5) / 4, indexing="xy"), -1)


def every_cell(rows, points, device):
    """Fake point sampler: the centers of 4 x 4 cells, as often as they fit."""
    return CENTERS.reshape(1, 16, 2).repeat(rows, -(-points // 16), 1)[:, :points]


def mask(*rows):
    """A 4 x 4 mask of whole rows, one frame: ``(1, 4, 4)``."""
    out = torch.zeros(1, 4, 4)
    out[0, list(rows)] = 1
    return out


def sure(masks):
    return 40 * (2 * masks - 1)


def test_the_cost_of_a_pair_by_hand():
    logits = torch.tensor([[0.0, 0.0], [math.log(3.0), 0.0]])
    masks = torch.stack((torch.zeros(1, 4, 4), sure(mask(0, 1))))
    cost = matching_cost(logits, masks, torch.stack((mask(0, 1), mask(2, 3))), every_cell(1, 16, None), CONFIG)
    undecided = -2 * 0.5 + 5 * math.log(2) + 5 * (1 - (2 * 4 + 1) / (8 + 8 + 1))
    perfect = -2 * 0.75
    complement = -2 * 0.75 + 5 * 40 + 5 * (1 - 1 / 17)
    torch.testing.assert_close(
        cost, torch.tensor([[undecided, undecided], [perfect, complement]]), atol=1e-5, rtol=1e-5
    )


def test_queries_find_their_objects_and_groups_without_objects_none():
    objects = torch.stack((mask(0), mask(3)))
    masks = torch.stack((sure(mask(3)), torch.zeros(1, 4, 4), sure(mask(0))))
    outputs = SetOutputs(torch.zeros(2, 3, 2), torch.stack((masks, masks)))
    (queries, matched), (no_queries, nothing) = match_set(outputs, [objects, objects[:0]], CONFIG, every_cell)
    assert (queries.tolist(), matched.tolist()) == ([0, 2], [1, 0])
    assert (no_queries.tolist(), nothing.tolist()) == ([], [])


def test_losses_by_hand():
    logits = torch.tensor([[[0.0, 0.0], [0.0, math.log(3.0)]]])
    outputs = SetOutputs(logits, torch.stack((torch.zeros(1, 4, 4), sure(mask(0))))[None])
    pairs = [(torch.tensor([0]), torch.tensor([1]))]
    losses = set_losses(outputs, [torch.stack((mask(0), mask(0, 1, 2, 3)))], pairs, 4.0, CONFIG, every_cell)
    # Query 0 is the object at 1/2, query 1 nothing at 3/4, of weight 0.1: a mean divided by the sum of weights.
    assert losses.ce.item() == pytest.approx((math.log(2) - 0.1 * math.log(0.75)) / 1.1)
    assert losses.mask.item() == pytest.approx(math.log(2) / 4)
    # All 16 points are undecided and true: overlap 8, sums 8 and 16.
    assert losses.dice.item() == pytest.approx((1 - (2 * 8 + 1) / (8 + 16 + 1)) / 4)


def test_a_perfect_prediction_costs_nothing_and_without_objects_only_the_class_counts():
    masks = sure(torch.stack((mask(0), mask(3))))[None].requires_grad_()
    logits = torch.tensor([[[40.0, 0.0], [0.0, 40.0]]])
    target = mask(0)[None]
    pairs = match_set(SetOutputs(logits, masks), [target], CONFIG, uniform_points)
    losses = set_losses(SetOutputs(logits, masks), [target], pairs, 1.0, CONFIG, every_cell)
    assert [losses.ce.item(), losses.mask.item(), losses.dice.item()] == pytest.approx([0, 0, 0], abs=1e-6)
    none = [(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64))]
    losses = set_losses(SetOutputs(logits, masks), [target[:0]], none, 1.0, CONFIG, uniform_points)
    assert losses.ce.item() == pytest.approx(20)
    assert (losses.mask.item(), losses.dice.item()) == (0, 0)
    (losses.mask + losses.dice).backward()
    assert not masks.grad.any()


def test_a_clips_frames_are_one_mask():
    # Frame 0 is right in all 16 cells, frame 1 wrong in all; as one vector: overlap 4, 4 + 12 predicted, 4 + 4 true.
    target = torch.cat((mask(0), mask(0)))[None]
    masks = sure(torch.cat((mask(0), mask(1, 2, 3))))[None, None]
    pairs = [(torch.tensor([0]), torch.tensor([0]))]
    losses = set_losses(SetOutputs(torch.zeros(1, 1, 2), masks), [target], pairs, 1.0, CONFIG, every_cell)
    assert losses.mask.item() == pytest.approx(20)
    cost = matching_cost(torch.zeros(1, 2), masks[0], target, every_cell(1, 16, None), CONFIG)
    assert cost.item() == pytest.approx(-1 + 5 * 20 + 5 * (1 - (2 * 4 + 1) / (4 + 12 + 4 + 4 + 1)))
