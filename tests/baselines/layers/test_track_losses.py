import math

import pytest
import torch

from baselines.layers.nn.track_queries import NO_TRACK, Detections
from baselines.layers.training.track_losses import (
    NO_OBJECT,
    FrameMatch,
    FrameOutputs,
    FrameTargets,
    TrackLossConfig,
    TrackState,
    box_iou,
    compute_losses,
    match,
    total_loss,
)

CONFIG = TrackLossConfig()
LEFT, RIGHT, FAR = [0.2, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2], [0.9, 0.9, 0.1, 0.1]


def detections(boxes, logits=None, refers=None):
    zeros = [0.0] * len(boxes)
    return Detections(
        torch.tensor(logits or zeros), torch.tensor(refers or zeros), torch.tensor(boxes), torch.empty(len(boxes), 0)
    )


def targets(boxes=(), ids=(), referred=()):
    return FrameTargets(
        torch.tensor(boxes).reshape(-1, 4), torch.tensor(ids, dtype=torch.long), torch.tensor(referred, dtype=bool)
    )


def state(ids, ious=None):
    return TrackState(torch.tensor(ids), torch.tensor(ious or [0.0] * len(ids)))


def test_a_track_keeps_its_object_however_well_a_fresh_row_fits():
    outputs = FrameOutputs((detections([LEFT, RIGHT, FAR]),))
    frame = match(outputs, targets([LEFT, RIGHT], [7, 8], [True, False]), state([-1, -1, 7]), CONFIG)
    assert frame.objects[0].tolist() == [NO_OBJECT, 1, 0]
    assert frame.state.ids.tolist() == [NO_TRACK, 8, 7]
    assert frame.state.ious.tolist() == pytest.approx([0.0, 1.0, 0.0])
    assert frame.num_samples == 2


def test_a_track_whose_object_left_is_background_and_waits_with_its_identity():
    outputs = FrameOutputs((detections([LEFT, RIGHT]),))
    left = match(outputs, targets([LEFT], [8], [True]), state([-1, 7], [0.0, 0.6]), CONFIG)
    assert left.objects[0].tolist() == [0, NO_OBJECT]
    assert left.state.ids.tolist() == [8, 7]
    assert left.state.ious.tolist() == pytest.approx([1.0, 0.6])
    assert left.num_samples == 2  # one object, one track without its object
    back = match(outputs, targets([RIGHT], [7], [True]), left.state, CONFIG)
    assert back.objects[0].tolist() == [NO_OBJECT, 0]


def test_layers_before_the_last_match_free_rows_anew_and_do_not_name_them():
    outputs = FrameOutputs((detections([RIGHT, LEFT, FAR]), detections([LEFT, RIGHT, FAR])))
    frame = match(outputs, targets([LEFT, FAR], [7, 8], [True, True]), state([-1, -1, 8]), CONFIG)
    assert frame.objects[0].tolist() == [NO_OBJECT, 0, 1]
    assert frame.objects[1].tolist() == [0, NO_OBJECT, 1]
    assert frame.state.ids.tolist() == [7, NO_TRACK, 8]


def test_a_refined_box_decides_on_the_iou_but_not_on_the_assignment():
    outputs = FrameOutputs((detections([LEFT, RIGHT]),), refined=detections([RIGHT, LEFT]))
    frame = match(outputs, targets([LEFT], [7], [True]), state([-1, -1], [1.0, 1.0]), CONFIG)
    assert frame.state.ids.tolist() == [7, NO_TRACK]
    assert frame.state.ious.tolist() == pytest.approx([0.0, 1.0])


def test_each_cost_is_weighted():
    outputs = FrameOutputs((detections([LEFT, RIGHT], logits=[-0.5, 0.5]),))
    near = targets([LEFT], [7], [True])
    assert match(outputs, near, state([-1, -1]), CONFIG).objects[0].tolist() == [0, NO_OBJECT]
    class_only = TrackLossConfig(set_cost_bbox=0.0, set_cost_giou=0.0)
    assert match(outputs, near, state([-1, -1]), class_only).objects[0].tolist() == [NO_OBJECT, 0]


def focal(probability, target):
    """Focal loss of one cell, written out."""
    right = probability if target else 1 - probability
    return (0.25 if target else 0.75) * (1 - right) ** 2 * -math.log(right)


def test_losses_are_sums_over_rows_divided_by_the_samples_of_the_clip():
    boxes = [[0.3, 0.5, 0.2, 0.2], RIGHT]  # the first overlaps LEFT by half: IoU 1/3, hull 0.06, union 0.06
    output = FrameOutputs((detections(boxes, logits=[0.0, math.log(3)], refers=[-math.log(3), 5.0]),))
    target = targets([LEFT], [7], [True])
    frame = FrameMatch((torch.tensor([0, NO_OBJECT]),), state([7, -1]), 2)
    losses = compute_losses([output], [target], [frame])
    expected = {
        "frame_0_loss_ce": (focal(0.5, 1) + focal(0.75, 0)) / 2,
        "frame_0_loss_bbox": 0.1 / 2,
        "frame_0_loss_giou": (1 - 1 / 3) / 2,
        "frame_0_loss_refer": focal(0.25, 1) / 2,
    }
    assert {name: float(loss) for name, loss in losses.items()} == pytest.approx(expected, rel=1e-5)
    ce, bbox, giou, refer = expected.values()
    assert float(total_loss(losses, CONFIG)) == pytest.approx(2 * ce + 5 * bbox + 2 * giou + 2 * refer, rel=1e-5)
    only_refer = TrackLossConfig(cls_loss_coef=0.0, bbox_loss_coef=0.0, giou_loss_coef=0.0, refer_loss_coef=3.0)
    assert float(total_loss(losses, only_refer)) == pytest.approx(3 * refer, rel=1e-5)
    over_all_processes = compute_losses([output], [target], [frame], num_samples=8.0)
    assert float(over_all_processes["frame_0_loss_ce"]) == pytest.approx(ce / 4, rel=1e-5)


def test_losses_have_the_authors_names():
    layers = (detections([LEFT]), detections([LEFT]), detections([LEFT]))
    output, target = FrameOutputs(layers, refined=detections([LEFT])), targets([LEFT], [7], [True])
    frame = match(output, target, state([-1]), CONFIG)
    names = set(compute_losses([output] * 2, [target] * 2, [frame] * 2))
    groups = ("", "aux0_", "aux1_", "temporal_")
    kinds = ("ce", "bbox", "giou", "refer")
    assert names == {f"frame_{t}_{group}loss_{kind}" for t in range(2) for group in groups for kind in kinds}


def test_a_frame_without_objects_teaches_the_background_only():
    logits = torch.zeros(2, requires_grad=True)
    boxes = torch.tensor([LEFT, RIGHT], requires_grad=True)
    output = FrameOutputs((Detections(logits, logits * 1, boxes, torch.empty(2, 0)),))
    frame = match(output, targets(), state([-1, -1]), CONFIG)
    assert frame.num_samples == 0
    losses = compute_losses([output], [targets()], [frame])
    values = [loss.item() for loss in losses.values()]
    assert values == pytest.approx([2 * focal(0.5, 0), 0.0, 0.0, 0.0], rel=1e-5)  # divided by 1, not by 0
    total_loss(losses, CONFIG).backward()
    assert logits.grad.gt(0).all()
    assert boxes.grad.eq(0).all()


def test_fresh_rows_come_before_the_carried_ones():
    before = TrackState.empty().after(2, 1.0)
    assert (before.ids.tolist(), before.ious.tolist()) == ([-1, -1], [1.0, 1.0])
    again = state([4], [0.7])[torch.tensor([0])].after(1, 0.0)
    assert (again.ids.tolist(), again.ious.tolist()) == ([-1, 4], [0.0, pytest.approx(0.7)])


def test_iou_of_boxes_by_corners():
    one = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
    other = torch.tensor([[1.0, 1.0, 3.0, 3.0], [2.0, 2.0, 3.0, 3.0]])
    assert box_iou(one, other).tolist() == pytest.approx([1 / 7, 0.0])


@pytest.mark.parametrize("ids", [[7, 7], [-1, 7]])
def test_identities_that_are_duplicate_or_negative_are_refused(ids):
    with pytest.raises(ValueError, match=r"must be unique and at least 0, got \[-?\d, 7\]"):
        targets([LEFT, RIGHT], ids, [True, True])


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"2 identities need boxes \(2, 4\) and referred \(2,\), got \(1, 4\) and"):
        targets([LEFT], [1, 2], [True, True])
