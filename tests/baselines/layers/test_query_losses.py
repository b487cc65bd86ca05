"""ReferFormer's targets and losses: values computed by hand, and sentences with several objects or none."""

from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.training.clip_sampling import mask_extents
from baselines.layers.training.query_losses import (
    QueryLossConfig,
    QueryOutputs,
    QueryTargets,
    build_targets,
    compute_losses,
    match,
    target_cells,
    total_loss,
)
from mevis_bench.records import UsageError

CONFIG = QueryLossConfig()
SURE = 30.0


def rectangle(frames=2, size=(16, 32), top=4, left=8, rows=8, columns=12):
    masks = torch.zeros(frames, *size)
    masks[:, top : top + rows, left : left + columns] = 1
    return masks


def targets_of(masks, size, mode="union"):
    """Targets of masks in pixels of the video, resized to the network's input with their extents."""
    extents = torch.from_numpy(mask_extents(masks.numpy().astype(np.uint8)))
    scale = torch.tensor([size[1] / masks.shape[-1], size[0] / masks.shape[-2]] * 2)
    resized = F.interpolate(masks.float(), size=size, mode="nearest")
    return build_targets(resized, extents * scale, mode)


def perfect(targets, queries=3, at=(1,)):
    """Outputs that predict the targets of one clip with the queries ``at``; the others are sure of nothing."""
    (target,) = targets
    frames, (height, width) = target.valid.shape[1], target.masks.shape[-2:]
    logits = torch.full((1, frames, queries, 1), -SURE)
    boxes = torch.full((1, frames, queries, 4), 0.9)
    masks = torch.full((1, frames, queries, height // 4, width // 4), -SURE)
    for index, query in enumerate(at):
        logits[0, :, query, 0] = SURE * (2 * target.valid[index].float() - 1)
        boxes[0, :, query] = target.boxes[index]
        masks[0, :, query] = SURE * (2 * target.masks[index, :, 2::4, 2::4] - 1)
    return QueryOutputs(logits, boxes, masks)


def test_box_reaches_from_first_to_last_pixel():
    target = targets_of(rectangle()[None], (16, 32))
    torch.testing.assert_close(target.boxes[0, 0], torch.tensor([13.5 / 32, 7.5 / 16, 11 / 32, 7 / 16]))
    assert target.valid.tolist() == [[True, True]]
    assert target.labels.tolist() == [[0, 0]]


def test_object_of_one_column_has_no_box_but_a_mask():
    target = targets_of(rectangle(columns=1)[None], (16, 32))
    assert target.valid.tolist() == [[False, False]]
    assert target.boxes.abs().sum() == 0
    assert target.masks.sum() == 2 * 8


def test_union_has_one_box_around_all_objects_and_overlaps_count_once():
    masks = torch.stack((rectangle(), rectangle(left=16)))
    target = targets_of(masks, (8, 16))
    assert target.masks.shape == (1, 2, 8, 16)
    assert target.masks.max() == 1
    torch.testing.assert_close(target.boxes[0, 1], torch.tensor([17.5 / 32, 7.5 / 16, 19 / 32, 7 / 16]))


def test_per_object_keeps_the_objects_of_the_clip_apart():
    masks = torch.stack((rectangle(), torch.zeros(2, 16, 32), rectangle(left=20)))
    masks[2, 1] = 0
    target = targets_of(masks, (16, 32), "per_object")
    assert target.valid.tolist() == [[True, True], [True, False]]
    torch.testing.assert_close(target.masks, masks[[0, 2]])
    torch.testing.assert_close(targets_of(masks.byte(), (16, 32), "per_object").masks, masks[[0, 2]])
    with pytest.raises(UsageError, match="invalid targets 'all': expected union or per_object"):
        targets_of(masks, (16, 32), "all")


@pytest.mark.parametrize("objects", [0, 2])
@pytest.mark.parametrize("mode", ["union", "per_object"])
def test_sentence_without_an_object_has_one_empty_target(objects, mode):
    target = targets_of(torch.zeros(objects, 3, 16, 32), (8, 16), mode)
    assert target.masks.shape == (1, 3, 8, 16)
    assert target.masks.sum() == target.boxes.abs().sum() == target.valid.sum() == 0


def test_perfect_prediction_has_no_loss_and_the_complement_a_large_one():
    targets = [targets_of(rectangle()[None], (16, 32))]
    outputs = perfect(targets)
    ((queries, objects),) = match(outputs, targets, CONFIG)
    assert (queries.tolist(), objects.tolist()) == ([1], [0])
    losses = compute_losses(outputs, targets, CONFIG)
    assert all(value.item() == pytest.approx(0, abs=1e-5) for value in losses.values())
    opposite = QueryOutputs(-outputs.pred_logits, 1 - outputs.pred_boxes, -outputs.pred_masks)
    assert total_loss(compute_losses(opposite, targets, CONFIG), CONFIG) > 50


def test_undecided_prediction_by_hand():
    targets = [targets_of(rectangle()[None], (16, 32))]
    outputs = QueryOutputs(torch.zeros(1, 2, 3, 1), torch.full((1, 2, 3, 4), 0.5), torch.zeros(1, 2, 3, 4, 8))
    losses = compute_losses(outputs, targets, CONFIG)
    present, absent = 0.25 * 0.25 * log(2), 0.75 * 0.25 * log(2)
    assert losses["loss_ce"].item() == pytest.approx((2 * present + 4 * absent) / 2)
    distance = sum(abs(0.5 - value) for value in (13.5 / 32, 7.5 / 16, 11 / 32, 7 / 16))
    assert losses["loss_bbox"].item() == pytest.approx(2 * distance / 2)
    inside = 2 * 3  # rows 6, 10 and columns 10, 14, 18 of each frame's 4 x 8 cells
    assert losses["loss_mask"].item() == pytest.approx(2 * (inside * present + (32 - inside) * absent) / 64 / 2)
    assert losses["loss_dice"].item() == pytest.approx((1 - (2 * inside + 1) / (32 + 2 * inside + 1)) / 2)


def test_box_of_a_hidden_frame_is_the_zero_box():
    masks = rectangle()
    masks[1] = 0
    targets = [targets_of(masks[None], (16, 32))]
    outputs = perfect(targets)
    outputs.pred_boxes[0, 1, 1] = torch.tensor([0.2, 0.2, 0.2, 0.2])
    losses = compute_losses(outputs, targets, CONFIG)
    assert losses["loss_bbox"].item() == pytest.approx(0.8)
    assert losses["loss_giou"].item() == pytest.approx(1 + (0.09 - 0.04) / 0.09, rel=1e-3)
    assert losses["loss_ce"].item() == pytest.approx(0, abs=1e-6)


def test_each_object_is_assigned_its_own_query():
    targets = [targets_of(torch.stack((rectangle(), rectangle(left=20))), (16, 32), "per_object")]
    outputs = perfect(targets, at=(2, 0))
    ((queries, objects),) = match(outputs, targets, CONFIG)
    assert dict(zip(queries.tolist(), objects.tolist(), strict=True)) == {2: 0, 0: 1}
    assert total_loss(compute_losses(outputs, targets, CONFIG), CONFIG).item() == pytest.approx(0, abs=1e-4)


def test_sentence_without_an_object_teaches_no_class_and_an_empty_mask_but_no_box():
    targets = [targets_of(torch.zeros(0, 2, 16, 32), (16, 32))]
    logits = torch.tensor([-2.0, 3.0, -1.0]).view(1, 1, 3, 1).expand(1, 2, 3, 1)
    masks = torch.tensor([1.0, 5.0, -1.0]).view(1, 1, 3, 1, 1).expand(1, 2, 3, 4, 8).clone().requires_grad_()
    outputs = QueryOutputs(logits, torch.rand(1, 2, 3, 4).requires_grad_(), masks)
    ((queries, _),) = match(outputs, targets, CONFIG)
    assert queries.tolist() == [2]
    losses = compute_losses(outputs, targets, CONFIG)
    assert losses["loss_bbox"].item() == losses["loss_giou"].item() == 0
    p = logits.sigmoid()
    assert losses["loss_ce"].item() == pytest.approx((-0.75 * p**2 * (1 - p).log()).sum().item(), rel=1e-5)
    x = torch.tensor(-1.0).sigmoid().item()
    assert losses["loss_mask"].item() == pytest.approx(-0.75 * x**2 * log(1 - x), rel=1e-5)
    assert losses["loss_dice"].item() == pytest.approx(1 - 1 / (64 * x + 1), rel=1e-5)
    total_loss(losses, CONFIG).backward()
    assert masks.grad[:, :, 2].min() > 0
    assert masks.grad[:, :, :2].abs().max() == 0


def test_with_several_classes_the_label_of_each_frame_is_the_class_that_is_there():
    target = targets_of(rectangle()[None], (16, 32))
    labelled = QueryTargets(torch.tensor([[2, 1]]), target.boxes, target.masks, target.valid)
    plain = perfect([target], at=(0,))
    masks, boxes = (x[:, :, [0, 0, 0]] for x in (plain.pred_masks, plain.pred_boxes))
    logits = torch.zeros(1, 2, 3, 3)
    logits[0, 0, 1, 2] = logits[0, 1, 1, 1] = log(4)
    logits[0, :, 2, 0] = log(4)
    outputs = QueryOutputs(logits, boxes, masks)
    ((queries, _),) = match(outputs, [labelled], CONFIG)
    assert queries.tolist() == [1]
    losses = compute_losses(outputs, [labelled], CONFIG)
    hit, miss, even = 0.25 * 0.2**2 * -log(0.8), 0.75 * 0.8**2 * -log(0.2), 0.75 * 0.5**2 * -log(0.5)
    assert losses["loss_ce"].item() == pytest.approx((2 * hit + 2 * miss + 14 * even) / 2, rel=1e-5)


def test_batch_is_the_sum_of_its_clips_over_the_valid_frames_of_all():
    rng = torch.Generator().manual_seed(0)
    partly = rectangle(left=16)
    partly[1] = 0
    targets = [targets_of(masks[None], (16, 32)) for masks in (rectangle(), partly)]

    def layer():
        return [torch.randn(2, 2, 3, *shape, generator=rng) for shape in ((1,), (4,), (4, 8))]

    (logits, boxes, masks), aux = layer(), layer()
    outputs = QueryOutputs(logits, boxes.sigmoid(), masks, (QueryOutputs(aux[0], aux[1].sigmoid(), aux[2]),))
    together = compute_losses(outputs, targets, CONFIG)
    assert len(together) == 10

    def clip(layer, index):
        parts = (layer.pred_logits, layer.pred_boxes, layer.pred_masks)
        return QueryOutputs(*(x[index : index + 1] for x in parts), tuple(clip(x, index) for x in layer.aux_outputs))

    alone = [compute_losses(clip(outputs, index), targets[index : index + 1], CONFIG) for index in range(2)]
    for name, value in together.items():
        assert value.item() == pytest.approx((2 * alone[0][name].item() + 1 * alone[1][name].item()) / 3, rel=1e-5), (
            name
        )


def test_targets_move_to_a_device():
    target = targets_of(rectangle()[None], (16, 32)).to("meta")
    assert isinstance(target, QueryTargets)
    assert {value.device.type for value in (target.labels, target.boxes, target.masks, target.valid)} == {"meta"}


def slow_cost(outputs, target, query):
    """Cost of a query for the only object of the only clip, in loops over frames and cells."""
    frames = target.valid.shape[1]
    class_cost, box, giou, focal, cells = 0.0, 0.0, 0.0, 0.0, []
    for frame in range(frames):
        p = outputs.pred_logits[0, frame, query, 0].sigmoid().item()
        if target.valid[0, frame]:
            class_cost += 0.25 * (1 - p) ** 2 * -log(p + 1e-8) - 0.75 * p**2 * -log(1 - p + 1e-8)
        one, other = outputs.pred_boxes[0, frame, query].tolist(), target.boxes[0, frame].tolist()
        box += sum(abs(a - b) for a, b in zip(one, other, strict=True)) / frames
        sides = [[(c - s / 2, c + s / 2) for c, s in zip(x[:2], x[2:], strict=True)] for x in (one, other)]
        inner = hull = 1.0
        for (a0, a1), (b0, b1) in zip(*sides, strict=True):
            inner *= max(0.0, min(a1, b1) - max(a0, b0))
            hull *= max(a1, b1) - min(a0, b0)
        union = one[2] * one[3] + other[2] * other[3] - inner
        giou += ((inner + 1e-6) / (union + 1e-6) - (hull - union + 1e-6) / (hull + 1e-6)) / frames
        rows, columns = outputs.pred_masks.shape[-2:]
        for row in range(rows):
            for column in range(columns):
                x = outputs.pred_masks[0, frame, query, row, column].sigmoid().item()
                t = target.masks[0, frame, 4 * row + 2, 4 * column + 2].item()
                focal += 0.25 * (1 - x) ** 2 * -log(x) if t else 0.75 * x**2 * -log(1 - x)
                cells.append((x, t))
    dice = (2 * sum(x * t for x, t in cells) + 1) / (sum(x for x, _ in cells) + sum(t for _, t in cells) + 1)
    return 2 * class_cost / int(target.valid.sum()) + 5 * box - 2 * giou + 2 * focal / len(cells) - 5 * dice


def test_match_takes_the_query_of_least_cost():
    rng = torch.Generator().manual_seed(5)
    masks = rectangle()
    masks[1] = 0
    target = targets_of(masks[None], (16, 32))
    chosen = set()
    for _ in range(20):
        outputs = QueryOutputs(
            torch.randn(1, 2, 6, 1, generator=rng),
            0.1 + 0.4 * torch.rand(1, 2, 6, 4, generator=rng),
            torch.randn(1, 2, 6, 4, 8, generator=rng) + 3 * torch.randn(1, 1, 6, 1, 1, generator=rng),
        )
        costs = [slow_cost(outputs, target, query) for query in range(6)]
        ((queries, _),) = match(outputs, [target], CONFIG)
        assert queries.tolist() == [costs.index(min(costs))]
        chosen |= set(queries.tolist())
    assert len(chosen) > 3


def test_a_cell_takes_its_third_pixel_and_padding_is_background():
    masks = torch.zeros(1, 1, 8, 7)
    masks[0, 0, 2, 2] = masks[0, 0, 4, 4] = masks[0, 0, 6, 6] = 1
    target = QueryTargets(torch.zeros(1, 1, dtype=torch.int64), torch.zeros(1, 1, 4), masks, torch.ones(1, 1).bool())
    # Of 4 x 4 cells, pixels (2, 2) and (6, 6) are taken, (4, 4) is not; columns 7 to 11 are padding.
    assert target_cells(target, (2, 3)).tolist() == [[1, 0, 0, 0, 1, 0]]
