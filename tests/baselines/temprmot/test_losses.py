"""TempRMOT's choice of the rows that go on, and what is random in its training pass."""

from dataclasses import fields

import torch

from baselines.layers.nn.track_queries import Detections
from baselines.layers.training.track_losses import FrameMatch, FrameOutputs, TrackState
from baselines.temprmot.losses import LossConfig, carry
from baselines.temprmot.temporal import HistoryLayer


def test_confident_rows_go_on_with_or_without_an_identity():
    ids, ious = [5, -1, 6, -1, 7], [0.9, 1.0, 0.5, 1.0, 0.51]
    sure = torch.tensor([-9.0, 0.1, 9.0, -0.1, 9.0])
    refined = Detections(sure, sure, torch.rand(5, 4), torch.empty(5, 0))
    detected = Detections(-sure, -sure, torch.rand(5, 4), torch.empty(5, 0))
    frame = FrameMatch((torch.zeros(5),), TrackState(torch.tensor(ids), torch.tensor(ious)), 0)
    rows, state = carry(FrameOutputs((detected,), refined), frame)
    assert rows.tolist() == [0, 1, 2, 4]
    assert state.ids.tolist() == [5, -1, -1, 7]  # row 2 fits its object no better than 0.5
    torch.testing.assert_close(state.ious, torch.tensor([0.9, 1.0, 0.5, 0.51]))


def test_random_drop_and_false_positives_are_no_options():
    assert not {"random_drop", "fp_ratio"} & {field.name for field in fields(LossConfig)}


def test_the_temporal_layers_drop_in_training_only():
    torch.manual_seed(0)
    layer, x = HistoryLayer(), torch.randn(2, 3, 256)
    inputs = (x, x, torch.zeros_like(x), torch.zeros_like(x), None)
    assert not torch.equal(layer(*inputs), layer(*inputs))
    layer.eval()
    assert torch.equal(layer(*inputs), layer(*inputs))
