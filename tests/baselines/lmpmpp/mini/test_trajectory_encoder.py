"""Relations between tracks, the trajectory encoder's invariances, and the assignment of tracks to <SEG> tokens."""

import dataclasses
import itertools

import pytest
import torch

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.trajectory_encoder import RELATION, STEP_SCALE, TrackFeatures, TrajectoryEncoder, relation

CONFIG = TrajectoryConfig(tracks=4, time_steps=8, hidden=16, channels=12)


def tracks(videos=2, seed=0):
    random = torch.Generator().manual_seed(seed)
    shape = (videos, CONFIG.tracks, CONFIG.time_steps)
    valid = torch.ones(videos, CONFIG.tracks, dtype=torch.bool)
    return TrackFeatures(
        torch.ones(shape),
        torch.rand(*shape, 4, generator=random),
        torch.rand(videos, CONFIG.time_steps, 2, generator=random),
        torch.randn(*shape, 6, generator=random),
        valid,
    )


def test_relations_of_two_tracks():
    """One is still at (0.5, 0.5), the other comes from 0.4 to the left and stops on it; the camera pans."""
    left = torch.tensor([-0.4, -0.3, -0.2, -0.1, 0.0, 0.0, 0.0, 0.0])
    camera = torch.stack((torch.linspace(0, 0.3, 8), torch.zeros(8)), dim=-1)
    places = torch.full((1, 2, 8, 2), 0.5)
    places[0, 1, :, 0] += left
    boxes = torch.cat((places - camera[None, None], torch.full((1, 2, 8, 2), 0.1)), dim=-1)
    video = TrackFeatures(
        torch.ones(1, 2, 8), boxes, camera[None], torch.zeros(1, 2, 8, 6), torch.ones(1, 2, dtype=torch.bool)
    )
    relations = relation(video)
    assert relations.shape == (1, 2, 2, 8, RELATION)
    across, down, distance, nearer, faster, farther = relations[0, 0, 1].unbind(-1)
    step = torch.tensor([0.0, 0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0])
    near = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(across, left, **near)
    torch.testing.assert_close(down, torch.zeros(8), **near)
    torch.testing.assert_close(distance, -left, **near)
    torch.testing.assert_close(nearer, step * STEP_SCALE, **near)
    torch.testing.assert_close(faster, step * STEP_SCALE, **near)
    torch.testing.assert_close(farther, step.cumsum(0), **near)
    back = relations[0, 1, 0]
    torch.testing.assert_close(back[:, [2, 3]], relations[0, 0, 1][:, [2, 3]], **near)
    torch.testing.assert_close(back[:, [0, 1, 4, 5]], -relations[0, 0, 1][:, [0, 1, 4, 5]], **near)
    assert not relation(video)[0, 0, 0].any()


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return TrajectoryEncoder(CONFIG, 6).eval()


@torch.inference_mode()
def test_the_encoder_is_equivariant_to_the_order_of_tracks(encoder):
    video = tracks()
    order = torch.tensor([2, 0, 3, 1])
    other = TrackFeatures(
        video.present[:, order],
        video.boxes[:, order],
        video.camera,
        video.embeddings[:, order],
        video.valid[:, order],
    )
    for a, b in zip(encoder(video), encoder(other), strict=True):
        torch.testing.assert_close(a[:, order], b, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_other_tracks_change_track_embeddings_but_not_window_embeddings(encoder):
    video = tracks(1)
    boxes = video.boxes.clone()
    boxes[:, 1] += 0.3
    moved = dataclasses.replace(video, boxes=boxes)
    (track, windows), (moved_track, moved_windows) = encoder(video), encoder(moved)
    assert (track[:, 0] - moved_track[:, 0]).abs().max() > 1e-4
    torch.testing.assert_close(windows[:, 0], moved_windows[:, 0])


@torch.inference_mode()
def test_padding_is_not_another_track(encoder):
    video = tracks(1)
    valid = torch.tensor([[True, False, False, False]])
    noisy = dataclasses.replace(video, valid=valid, boxes=torch.cat((video.boxes[:, :1], video.boxes[:, 1:] * 9), 1))
    alone = dataclasses.replace(video, valid=valid)
    a, b = encoder(alone)[0][:, 0], encoder(noisy)[0][:, 0]
    assert torch.isfinite(a).all()
    torch.testing.assert_close(a, b)


def test_every_seg_token_gets_a_different_track():
    weights = torch.tensor([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert assign_tracks(weights, 1).tolist() == [0]
    assert assign_tracks(weights, 2).tolist() == [1, 0], "both prefer track 0, the second one more"
    assert assign_tracks(weights, 3).tolist() == [1, 0, 2]
    assert assign_tracks(weights, 0).tolist() == []


@pytest.mark.parametrize("seed", range(10))
def test_the_assignment_has_the_largest_sum_of_weights(seed):
    weights = torch.rand(3, 5, generator=torch.Generator().manual_seed(seed)).softmax(-1)
    best = max(itertools.permutations(range(5), 3), key=lambda p: sum(float(weights[s, k]) for s, k in enumerate(p)))
    assert assign_tracks(weights, 3).tolist() == list(best)
