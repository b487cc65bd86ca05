"""What a track is among others, and which track each <SEG> gets."""

import dataclasses
import itertools

import pytest
import torch

from baselines.lmpmpp.mini.config import TrajectoryConfig
from baselines.lmpmpp.mini.mask_decoder import assign_tracks
from baselines.lmpmpp.mini.trajectory_encoder import RELATION, STEP_SCALE, TrackFeatures, TrajectoryEncoder, relation

SIZE = TrajectoryConfig(tracks=4, steps=8, hidden=16, channels=12)


def tracks(videos=2, seed=0):
    random = torch.Generator().manual_seed(seed)
    shape = (videos, SIZE.tracks, SIZE.steps)
    valid = torch.ones(videos, SIZE.tracks, dtype=torch.bool)
    return TrackFeatures(
        torch.ones(shape),
        torch.rand(*shape, 4, generator=random),
        torch.rand(videos, SIZE.steps, 2, generator=random),
        torch.randn(*shape, 6, generator=random),
        valid,
    )


def test_a_track_seen_from_another():
    """One stands still at (0.5, 0.5), the other comes from 0.4 to the left and stops on it; the camera pans."""
    left = torch.tensor([-0.4, -0.3, -0.2, -0.1, 0.0, 0.0, 0.0, 0.0])
    camera = torch.stack((torch.linspace(0, 0.3, 8), torch.zeros(8)), dim=-1)
    places = torch.full((1, 2, 8, 2), 0.5)
    places[0, 1, :, 0] += left
    boxes = torch.cat((places - camera[None, None], torch.full((1, 2, 8, 2), 0.1)), dim=-1)
    video = TrackFeatures(
        torch.ones(1, 2, 8), boxes, camera[None], torch.zeros(1, 2, 8, 6), torch.ones(1, 2, dtype=torch.bool)
    )
    seen = relation(video)
    assert seen.shape == (1, 2, 2, 8, RELATION)
    across, down, distance, nearer, faster, farther = seen[0, 0, 1].unbind(-1)
    step = torch.tensor([0.0, 0.1, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0])
    near = {"atol": 1e-4, "rtol": 0}
    torch.testing.assert_close(across, left, **near)
    torch.testing.assert_close(down, torch.zeros(8), **near)
    torch.testing.assert_close(distance, -left, **near)
    torch.testing.assert_close(nearer, step * STEP_SCALE, **near)
    torch.testing.assert_close(faster, step * STEP_SCALE, **near)
    torch.testing.assert_close(farther, step.cumsum(0), **near)
    back = seen[0, 1, 0]
    torch.testing.assert_close(back[:, [2, 3]], seen[0, 0, 1][:, [2, 3]], **near)
    torch.testing.assert_close(back[:, [0, 1, 4, 5]], -seen[0, 0, 1][:, [0, 1, 4, 5]], **near)
    assert not relation(video)[0, 0, 0].any(), "nothing is apart from itself"


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return TrajectoryEncoder(SIZE, 6).eval()


@torch.inference_mode()
def test_the_order_of_tracks_means_nothing(encoder):
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
def test_others_change_the_whole_but_not_the_windows(encoder):
    video = tracks(1)
    boxes = video.boxes.clone()
    boxes[:, 1] += 0.3
    moved = dataclasses.replace(video, boxes=boxes)
    (whole, windows), (whole_too, windows_too) = encoder(video), encoder(moved)
    assert (whole[:, 0] - whole_too[:, 0]).abs().max() > 1e-4
    torch.testing.assert_close(windows[:, 0], windows_too[:, 0])


@torch.inference_mode()
def test_a_track_that_is_not_there_is_no_other(encoder):
    video = tracks(1)
    valid = torch.tensor([[True, False, False, False]])
    noisy = dataclasses.replace(video, valid=valid, boxes=torch.cat((video.boxes[:, :1], video.boxes[:, 1:] * 9), 1))
    alone = dataclasses.replace(video, valid=valid)
    a, b = encoder(alone)[0][:, 0], encoder(noisy)[0][:, 0]
    assert torch.isfinite(a).all()
    torch.testing.assert_close(a, b)


def test_each_seg_gets_its_own_track():
    shares = torch.tensor([[0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    assert assign_tracks(shares, 1).tolist() == [0]
    assert assign_tracks(shares, 2).tolist() == [1, 0], "both mean track 0; the second means it more"
    assert assign_tracks(shares, 3).tolist() == [1, 0, 2]
    assert assign_tracks(shares, 0).tolist() == []


@pytest.mark.parametrize("seed", range(10))
def test_the_choice_of_tracks_is_the_best_of_all(seed):
    shares = torch.rand(3, 5, generator=torch.Generator().manual_seed(seed)).softmax(-1)
    best = max(itertools.permutations(range(5), 3), key=lambda p: sum(float(shares[s, k]) for s, k in enumerate(p)))
    assert assign_tracks(shares, 3).tolist() == list(best)
