"""The detection head of LMPM++_det: boxes, their losses, matched queries, and that it learns to correct boxes."""

import pytest
import torch

from baselines.layers.nn.boxes import generalized_iou, masks_to_boxes
from baselines.lmpmpp.extractor import ExtractorOutput
from baselines.lmpmpp.mini.detection_head import DetectionHead, normalize_boxes
from baselines.lmpmpp.mini.training.stage_detection import box_losses, matched_objects


def test_masks_to_boxes_masks_are_half_open():
    masks = torch.zeros(2, 4, 8)
    masks[0, 1:3, 2:5] = 1
    masks[1, 3, 7] = 1
    assert masks_to_boxes(masks).tolist() == [[2 / 8, 1 / 4, 5 / 8, 3 / 4], [7 / 8, 3 / 4, 1, 1]]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((0, 0, 0.5, 0.5), (0, 0, 0.5, 0.5), 1.0),
        ((0, 0, 0.5, 1), (0.25, 0, 0.75, 1), 1 / 3),  # the hull is the union
        ((0, 0, 0.25, 1), (0.75, 0, 1, 1), -0.5),  # half of the hull is in neither
    ],
)
def test_generalized_iou_is_its_formula(one, other, expected):
    assert generalized_iou(torch.tensor([one]), torch.tensor([other])).item() == pytest.approx(expected)


def test_losses_are_means_over_pairs_and_0_without_pairs():
    boxes, targets = torch.tensor([[0.0, 0, 0.5, 1], [0, 0, 1, 1]]), torch.tensor([[0.25, 0, 0.75, 1], [0, 0, 1, 1.0]])
    losses = box_losses(boxes, targets)
    assert losses["l1"].item() == pytest.approx(0.25)
    assert losses["giou"].item() == pytest.approx((2 / 3 + 0) / 2)
    assert losses["loss"].item() == pytest.approx(5 * 0.25 + 2 * (2 / 3) / 2)
    assert box_losses(boxes[:0], targets[:0])["loss"] == 0


def test_boxes_in_frame_heights_are_normalized():
    assert normalize_boxes(torch.tensor([1.0, 0.5, 0.2, 0.1]), (72, 144)).tolist() == pytest.approx(
        [0.5, 0.5, 0.1, 0.1]
    )


def test_matched_objects_pair_embeddings_and_boxes():
    """Query 1 shows the object, a square of 4 x 4 cells in a frame of 8 x 16."""
    mask = torch.zeros(8, 16)
    mask[2:6, 4:8] = 1
    logits = torch.full((1, 2, 8, 16), -20.0)
    logits[0, 1] = (2 * mask - 1) * 20
    embeddings = torch.arange(6.0).view(1, 2, 3)
    outputs = ExtractorOutput(embeddings, torch.zeros(1, 2, 2), logits)
    found, predicted, targets = matched_objects(lambda frames: [outputs], torch.zeros(1, 3, 8, 16), [mask[None]])
    assert found.tolist() == [[3, 4, 5]]
    torch.testing.assert_close(predicted, torch.tensor([[6 / 16, 0.5, 4 / 16, 0.5]]), atol=0.02, rtol=0)
    assert targets.tolist() == [[4 / 16, 2 / 8, 8 / 16, 6 / 8]]


def test_the_head_learns_to_correct_the_masks_to_boxes_masks():
    torch.manual_seed(0)
    head = DetectionHead(8)
    size = torch.rand(64, 2) * 0.2 + 0.1
    center = torch.rand(64, 2) * 0.6 + 0.2
    targets = torch.cat((center - size / 2, center + size / 2), dim=1)
    mask_boxes = torch.cat((center, 0.7 * size), dim=1)
    embeddings = torch.randn(64, 8)
    raw = torch.cat((center - 0.35 * size, center + 0.35 * size), dim=1)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(200):
        loss = box_losses(head(embeddings, mask_boxes), targets)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert generalized_iou(head(embeddings, mask_boxes), targets).mean() > 0.8 > generalized_iou(raw, targets).mean()
