"""The detection head of LMPM++_det: boxes, their losses, and that it learns to correct what masks suggest."""

import pytest
import torch

from baselines.layers.nn.boxes import boxes_of, generalized_iou
from baselines.lmpmpp.mini.detection_head import DetectionHead, in_shares
from baselines.lmpmpp.mini.training.stage_detection import box_losses


def test_boxes_of_masks_are_half_open():
    masks = torch.zeros(2, 4, 8)
    masks[0, 1:3, 2:5] = 1
    masks[1, 3, 7] = 1
    assert boxes_of(masks).tolist() == [[2 / 8, 1 / 4, 5 / 8, 3 / 4], [7 / 8, 3 / 4, 1, 1]]


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


def test_losses_are_means_over_pairs_and_nothing_costs_nothing():
    boxes, targets = torch.tensor([[0.0, 0, 0.5, 1], [0, 0, 1, 1]]), torch.tensor([[0.25, 0, 0.75, 1], [0, 0, 1, 1.0]])
    losses = box_losses(boxes, targets)
    assert losses["l1"].item() == pytest.approx(0.25)
    assert losses["giou"].item() == pytest.approx((2 / 3 + 0) / 2)
    assert losses["loss"].item() == pytest.approx(5 * 0.25 + 2 * (2 / 3) / 2)
    assert box_losses(boxes[:0], targets[:0])["loss"] == 0


def test_boxes_in_frame_heights_become_shares():
    assert in_shares(torch.tensor([1.0, 0.5, 0.2, 0.1]), (72, 144)).tolist() == pytest.approx([0.5, 0.5, 0.1, 0.1])


def test_the_head_learns_to_correct_what_masks_suggest():
    torch.manual_seed(0)
    head = DetectionHead(8)
    size = torch.rand(64, 2) * 0.2 + 0.1
    center = torch.rand(64, 2) * 0.6 + 0.2
    targets = torch.cat((center - size / 2, center + size / 2), dim=1)
    suggested = torch.cat((center, 0.7 * size), dim=1)
    embeddings = torch.randn(64, 8)
    raw = torch.cat((center - 0.35 * size, center + 0.35 * size), dim=1)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-2)
    for _ in range(200):
        loss = box_losses(head(embeddings, suggested), targets)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert generalized_iou(head(embeddings, suggested), targets).mean() > 0.8 > generalized_iou(raw, targets).mean()
