"""TransRMOT's choice of the rows that go on to the next frame."""

import torch

from baselines.layers.nn.track_queries import Detections
from baselines.layers.training.track_losses import FrameMatch, FrameOutputs, TrackState
from baselines.transrmot.losses import LossConfig, carried_rows

BOXES = [[0.2, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2], [0.62, 0.5, 0.2, 0.2], [0.22, 0.5, 0.2, 0.2], [0.9, 0.1, 0.1, 0.1]]


def rows(ids, ious, *, generator=None, boxes=None, **config):
    boxes = torch.tensor(BOXES[: len(ids)] if boxes is None else boxes)
    output = FrameOutputs((Detections(torch.zeros(len(ids)), torch.zeros(len(ids)), boxes, torch.empty(len(ids), 0)),))
    frame = FrameMatch((torch.zeros(len(ids)),), TrackState(torch.tensor(ids), torch.tensor(ious)), 0)
    return carried_rows(output, frame, LossConfig(**config), generator).tolist()


def test_only_tracks_that_fit_their_object_go_on():
    ids, ious = [5, -1, 6, 7], [0.9, 0.9, 0.5, 0.51]
    assert rows(ids, ious, random_drop=0.0, fp_ratio=0.0) == [0, 3]
    assert rows(ids, ious, random_drop=1.0, fp_ratio=1.0) == []


def test_each_chosen_track_takes_the_free_row_most_like_it_along():
    ids, ious = [5, 6, -1, -1, -1], [0.9, 0.9, 0.0, 0.0, 0.0]
    assert rows(ids, ious, random_drop=0.0, fp_ratio=1.0) == [0, 1, 2, 3]
    twins = [BOXES[0], BOXES[0], *BOXES[2:]]
    assert rows(ids, ious, random_drop=0.0, fp_ratio=1.0, boxes=twins) == [0, 1, 3]  # both choose row 3


def test_all_free_rows_go_on_where_there_are_no_more_than_chosen_tracks():
    assert rows([5, -1, 6, -1], [0.9, 0.0, 0.9, 0.0], random_drop=0.0, fp_ratio=1.0) == [0, 2, 1, 3]
    assert rows([5, 6], [0.9, 0.9], random_drop=0.0, fp_ratio=1.0) == [0, 1]


def test_a_dropped_track_is_no_false_positive():
    assert rows([5, 6, -1, -1], [0.9, 0.2, 0.0, 0.0], random_drop=0.0, fp_ratio=1.0)[1:] in ([2], [3])


def test_probabilities_are_the_configured_ones_and_follow_the_generator():
    count = 4000
    ids, ious, boxes = [*range(count), *[-1] * count], [0.9] * count + [0.0] * count, [BOXES[0]] * (2 * count)
    draw = {"boxes": boxes, "random_drop": 0.1, "fp_ratio": 0.0}
    kept = rows(ids, ious, generator=torch.Generator().manual_seed(0), **draw)
    assert abs(len(kept) / count - 0.9) < 0.02
    assert kept == rows(ids, ious, generator=torch.Generator().manual_seed(0), **draw)
    assert kept != rows(ids, ious, generator=torch.Generator().manual_seed(1), **draw)
    one_track = {"boxes": BOXES[:2], "random_drop": 0.0, "fp_ratio": 0.3}
    generator = torch.Generator().manual_seed(0)
    taken = sum(len(rows([5, -1], [0.9, 0.0], generator=generator, **one_track)) == 2 for _ in range(2000))
    assert abs(taken / 2000 - 0.3) < 0.04
