"""MTTR's targets and losses: values computed by hand, and sentences with several objects or none."""

from itertools import permutations, product
from math import log

import pytest
import torch

from baselines.mttr.losses import MttrLossConfig, MttrOutputs, build_targets, compute_losses, match, total_loss
from mevis_bench.records import UsageError

CONFIG = MttrLossConfig()
SURE = 40.0


def rectangle(left, frames=2, size=(16, 32)):
    masks = torch.zeros(frames, *size)
    masks[:, 4:12, left : left + 8] = 1
    return masks


def objects(*lefts):
    return torch.stack([rectangle(left) for left in lefts], 1)


def perfect(target, at, queries=4):
    """Outputs, at the size of the masks, that predict the targets of one clip with the queries ``at``."""
    frames, _, *size = target.masks.shape
    masks = torch.full((frames, 1, queries, *size), -SURE)
    classes = torch.tensor([-SURE, SURE]).expand(frames, 1, queries, 2).clone()
    for index, query in enumerate(at):
        masks[:, 0, query] = SURE * (2 * target.masks[:, index] - 1)
        classes[:, 0, query, 0] = SURE * (2 * target.referred[:, index].float() - 1)
        classes[:, 0, query, 1] = -classes[:, 0, query, 0]
    return MttrOutputs(masks, classes)


def test_union_merges_the_referred_objects_and_keeps_the_others():
    target = build_targets(objects(0, 4, 20), torch.tensor([True, True, False]))
    assert target.masks.shape == (2, 2, 16, 32)
    assert target.masks[0, 0].sum() == 8 * 12
    assert target.masks.max() == 1
    assert target.is_ref_inst.tolist() == [True, False]
    assert target.referred.tolist() == [[True, False]] * 2


def test_per_object_keeps_every_referred_object():
    masks = objects(0, 4, 20)
    masks[1, 1] = 0
    target = build_targets(masks, torch.tensor([True, True, False]), "per_object")
    assert target.referred.tolist() == [[True, True, False], [True, False, False]]
    assert target.is_ref_inst.tolist() == [True, True, False]
    with pytest.raises(UsageError, match="invalid targets 'both': expected union or per_object"):
        build_targets(masks, torch.tensor([True, True, False]), "both")


@pytest.mark.parametrize("mode", ["union", "per_object"])
def test_objects_outside_the_clip_are_left_out(mode):
    masks = objects(0, 4, 20)
    masks[:, 0] = 0
    target = build_targets(masks, torch.tensor([True, False, False]), mode)
    assert target.masks.shape[1] == 2
    assert not target.referred.any()
    assert not target.is_ref_inst.any()


def test_perfect_prediction_has_no_loss_and_its_own_assignment():
    target = build_targets(objects(0, 12, 20), torch.tensor([False, True, False]))
    outputs = perfect(target, at=(3, 0, 2))
    ((queries, found),) = match(outputs, [target], CONFIG)
    assert dict(zip(queries.tolist(), found.tolist(), strict=True)) == {3: 0, 0: 1, 2: 2}
    assert total_loss(compute_losses(outputs, [target], CONFIG), CONFIG).item() == pytest.approx(0, abs=1e-5)
    opposite = MttrOutputs(-outputs.pred_masks, outputs.pred_is_referred.flip(-1))
    assert total_loss(compute_losses(opposite, [target], CONFIG), CONFIG) > 50


def test_undecided_prediction_by_hand():
    masks = objects(0, 20)
    masks[1, 0] = 0
    target = build_targets(masks, torch.tensor([True, False]))
    outputs = MttrOutputs(torch.zeros(2, 1, 4, 4, 8), torch.zeros(2, 1, 4, 2))
    losses = compute_losses(outputs, [target], CONFIG)
    assert losses["loss_is_referred"].item() == pytest.approx(log(2) * (1 + 3 * 0.1))
    present, absent = 0.25 * 0.25 * log(2), 0.75 * 0.25 * log(2)
    share = 64 / 512
    seen = share * present + (1 - share) * absent
    assert losses["loss_sigmoid_focal"].item() == pytest.approx((3 * seen + absent) / 4)
    assert losses["loss_dice"].item() == pytest.approx((3 * (1 - 65 / (256 + 65)) + 1 - 1 / 257) / 4)


def test_hidden_frame_keeps_weight_1_and_has_the_other_class():
    masks = objects(0)
    masks[1] = 0
    target = build_targets(masks, torch.tensor([True]))
    outputs = perfect(target, at=(1,))
    outputs.pred_is_referred[1, 0, 1] = torch.tensor([log(3.0), 0.0])
    assert compute_losses(outputs, [target], CONFIG)["loss_is_referred"].item() == pytest.approx(log(4) / 2)
    outputs.pred_is_referred[1, 0, 2] = torch.tensor([log(3.0), 0.0])
    assert compute_losses(outputs, [target], CONFIG)["loss_is_referred"].item() == pytest.approx(1.1 * log(4) / 2)


def test_clip_without_objects_only_learns_that_nothing_is_referred_to():
    target = build_targets(torch.zeros(2, 0, 16, 32), torch.zeros(0, dtype=torch.bool))
    masks = torch.randn(2, 1, 4, 4, 8).requires_grad_()
    outputs = MttrOutputs(masks, torch.zeros(2, 1, 4, 2).requires_grad_())
    losses = compute_losses(outputs, [target], CONFIG)
    assert losses["loss_sigmoid_focal"].item() == losses["loss_dice"].item() == 0
    assert losses["loss_is_referred"].item() == pytest.approx(4 * 0.1 * log(2))
    total_loss(losses, CONFIG).backward()
    assert outputs.pred_is_referred.grad[..., 0].min() > 0


def test_outputs_are_left_as_they_are():
    target = build_targets(objects(0), torch.tensor([True]))
    last = perfect(target, at=(0,))
    outputs = MttrOutputs(last.pred_masks, last.pred_is_referred, (perfect(target, at=(2,)),))
    first = compute_losses(outputs, [target], CONFIG)
    assert set(first) == {
        f"loss_{name}{layer}" for name in ("sigmoid_focal", "dice", "is_referred") for layer in ("", "_0")
    }
    assert compute_losses(outputs, [target], CONFIG) == first


def test_match_is_the_cheapest_of_all_assignments():
    rng = torch.Generator().manual_seed(6)
    masks = objects(0, 20)
    masks[1, 0] = 0
    target = build_targets(masks, torch.tensor([True, False]))
    for _ in range(20):
        outputs = MttrOutputs(
            torch.randn(2, 1, 4, 16, 32, generator=rng), torch.randn(2, 1, 4, 2, generator=rng)
        )  # masks already at the size of the targets
        cost = torch.zeros(4, 2)
        for query, instance, frame in product(range(4), range(2), range(2)):
            expected = 0 if instance == 0 and frame == 0 else 1
            x, t = outputs.pred_masks[frame, 0, query].sigmoid(), target.masks[frame, instance]
            dice = (2 * (x * t).sum() + 1) / (x.sum() + t.sum() + 1)
            probability = outputs.pred_is_referred[frame, 0, query].softmax(0)[expected]
            cost[query, instance] -= (2 * probability + 5 * dice) / 2
        best = min(permutations(range(4), 2), key=lambda pair: cost[pair[0], 0] + cost[pair[1], 1])
        ((queries, found),) = match(outputs, [target], CONFIG)
        assert dict(zip(found.tolist(), queries.tolist(), strict=True)) == dict(enumerate(best))
