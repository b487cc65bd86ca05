"""WNet's targets and losses: values computed by hand, and clips with several objects or none."""

from math import log

import numpy as np
import pytest
import torch

from baselines.layers.training.clip_sampling import mask_extents
from baselines.wnet.losses import (
    WNetLossConfig,
    WNetOutputs,
    WNetTargets,
    build_targets,
    compute_losses,
    match,
    total_loss,
)

CONFIG = WNetLossConfig()
SURE = 40.0


def rectangle(left=8, frames=3, size=(16, 32)):
    masks = torch.zeros(frames, *size)
    masks[:, 4:12, left : left + 12] = 1
    return masks


def outputs_of(boxes, masks):
    tokens = torch.linspace(-1, 1, 8).view(2, 1, 4)
    return WNetOutputs(boxes[None], masks[None], tokens, tokens.clone(), (boxes[None],))


def targets_of(masks):
    return build_targets(masks, torch.from_numpy(mask_extents(masks.numpy().astype(np.uint8))))


def test_targets_are_the_union_with_one_box():
    masks = torch.stack((rectangle(), rectangle(left=16)))
    masks[:, 1] = 0
    target = targets_of(masks)
    assert target.masks.sum() == 2 * 8 * 20
    assert target.valid.tolist() == [True, False, True]
    torch.testing.assert_close(target.boxes[0], torch.tensor([17.5 / 32, 7.5 / 16, 19 / 32, 7 / 16]))
    assert target.boxes[1].tolist() == [0, 0, 0, 0]


def test_perfect_prediction_has_no_loss_and_the_complement_a_large_one():
    target = targets_of(rectangle()[None])
    outputs = outputs_of(target.boxes, SURE * (2 * target.masks - 1))
    losses = compute_losses(outputs, [target])
    assert set(losses) == {
        "loss_kl", "loss_mask", "loss_dice", "loss_bbox", "loss_giou", "loss_bbox_0", "loss_giou_0"
    }  # fmt: skip
    assert all(value.item() == pytest.approx(0, abs=1e-5) for value in losses.values())
    opposite = outputs_of(1 - target.boxes, -outputs.pred_masks[0])
    assert total_loss(compute_losses(opposite, [target]), CONFIG) > 30


def test_invalid_frames_are_left_out_but_counted():
    masks = rectangle()
    masks[1] = 0
    target = targets_of(masks[None])
    boxes = target.boxes + torch.tensor([0.1, 0, 0, 0])
    boxes[1] = 0.7
    logits = torch.zeros(3, 4, 8)
    logits[1] = SURE
    losses = compute_losses(outputs_of(boxes, logits), [target])
    assert losses["loss_bbox"].item() == pytest.approx(2 * 0.1 / 3, rel=1e-5)
    width = 11 / 32
    giou = (width - 0.1) / (width + 0.1)
    assert losses["loss_giou_0"].item() == pytest.approx(2 * (1 - giou) / 3, rel=1e-4)
    share = 96 / 512
    focal = 0.25 * log(2) * (0.25 * share + 0.75 * (1 - share))
    assert losses["loss_mask"].item() == pytest.approx(2 * focal / 3)
    assert losses["loss_dice"].item() == pytest.approx(2 * (1 - 97 / (256 + 97)) / 3)


def test_only_annotated_frame_belongs_to_the_middle_query():
    target = targets_of(rectangle(frames=1)[None])
    boxes = torch.full((4, 4), 0.9)
    boxes[1] = target.boxes[0]
    outputs = outputs_of(boxes, torch.zeros(4, 4, 8))
    ((queries, entries),) = match(outputs, [target])
    assert (queries.tolist(), entries.tolist()) == ([1], [0])
    assert compute_losses(outputs, [target])["loss_bbox"].item() == 0


def test_divergence_is_a_mean_over_channels_too_and_both_sides_learn():
    memory, fusion = torch.zeros(1, 1, 2).requires_grad_(), torch.tensor([[[log(3.0), 0.0]]]).requires_grad_()
    target = targets_of(rectangle()[None])
    outputs = WNetOutputs(target.boxes[None], target.masks[None], memory, fusion)
    loss = compute_losses(outputs, [target])["loss_kl"]
    assert loss.item() == pytest.approx((0.75 * log(1.5) + 0.25 * log(0.5)) / 2)
    loss.backward()
    assert memory.grad.abs().min() > 0
    assert fusion.grad.abs().min() > 0


@pytest.mark.parametrize("objects", [0, 1])
def test_clip_without_the_object_learns_by_the_divergence_alone(objects):
    target = targets_of(torch.zeros(objects, 3, 16, 32))
    outputs = outputs_of(torch.rand(3, 4).requires_grad_(), torch.rand(3, 4, 8).requires_grad_())
    losses = compute_losses(outputs, [target])
    assert {name for name, value in losses.items() if value.item() != 0} <= {"loss_kl"}
    total_loss(losses, CONFIG).backward()


def test_batch_pads_targets_to_the_largest():
    small = targets_of(rectangle(size=(16, 24))[None])
    large = targets_of(rectangle()[None])
    masks = torch.zeros(2, 3, 4, 8)
    outputs = WNetOutputs(torch.stack((small.boxes, large.boxes)), masks, torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))
    together = compute_losses(outputs, [small, large])
    padded = WNetTargets(small.boxes, large.masks, small.valid)
    assert together == compute_losses(outputs, [padded, large])
    assert together["loss_bbox"].item() == pytest.approx(0, abs=1e-6)


def test_the_middle_query_has_the_only_annotated_frame():
    target = WNetTargets(torch.tensor([[0.5, 0.5, 0.5, 0.5]]), torch.ones(1, 8, 8), torch.tensor([True]))
    ((queries, entries),) = match(outputs_of(torch.full((5, 4), 0.5), torch.zeros(5, 2, 2)), [target])
    assert (queries.tolist(), entries.tolist()) == ([2], [0])


def test_a_single_annotated_frame_by_hand():
    """Masks are scaled without aligned corners: logits (-2, 2) become (-2, -1, 1, 2)."""
    target = WNetTargets(
        torch.tensor([[0.5, 0.5, 0.2, 0.2]]), torch.tensor([[[0.0, 0.0, 1.0, 1.0]]]), torch.tensor([True])
    )
    outputs = outputs_of(torch.tensor([[0.5, 0.5, 0.3, 0.4]]), torch.tensor([[[-2.0, 2.0]]]))
    losses = compute_losses(outputs, [target])
    assert losses["loss_bbox"].item() == pytest.approx(0.1 + 0.2)
    assert losses["loss_giou"].item() == pytest.approx(1 - 0.04 / 0.12, abs=1e-5)  # the target is inside
    overlap = sum(1 / (1 + np.exp(-logit)) for logit in (1.0, 2.0))
    assert losses["loss_dice"].item() == pytest.approx(1 - (2 * overlap + 1) / (2 + 2 + 1))
