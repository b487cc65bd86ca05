"""Equation 1 in the alignment: sentences against the trajectories of all videos of a batch."""

import math

import torch

from baselines.lmpmpp.mini.training.stage_alignment import trajectory_contrastive_loss

TAU = 0.07


def batch():
    """Two videos of three and two tracks; sentence 0 means two tracks, sentence 2 none, sentence 3 one that is lost."""
    generator = torch.Generator().manual_seed(3)
    whole, features = torch.randn(2, 3, 5, generator=generator), torch.randn(4, 5, generator=generator)
    valid = torch.tensor([[True, True, True], [True, True, False]])
    rows = torch.tensor([0, 1, 1, 1])
    referred = torch.tensor([[True, False, True], [False, True, False], [False, False, False], [False, False, True]])
    return whole, valid, rows, features, referred


def written_out(whole, valid, rows, features, referred):
    """Equation 1 one sentence at a time: P are the tracks it means, N all other tracks of all videos."""

    def alike(sentence, video, track):
        a, b = features[sentence].tolist(), whole[video, track].tolist()
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return math.exp(dot / math.hypot(*a) / math.hypot(*b) / TAU)

    losses = []
    there = [(video, track) for video in range(2) for track in range(3) if valid[video, track]]
    for sentence, video in enumerate(rows.tolist()):
        own = [(v, t) for v, t in there if v == video and referred[sentence, t]]
        if own:
            everything = sum(alike(sentence, *place) for place in there)
            losses.append(-sum(math.log(alike(sentence, *place) / everything) for place in own) / len(own))
    return sum(losses) / len(losses)


def test_it_is_equation_1_over_the_trajectories_of_all_videos():
    assert math.isclose(trajectory_contrastive_loss(*batch()), written_out(*batch()), rel_tol=1e-5)


def test_a_trajectory_of_another_video_counts_and_an_absent_one_does_not():
    whole, valid, rows, features, referred = batch()
    loss = trajectory_contrastive_loss(whole, valid, rows, features, referred)
    other, absent = whole.clone(), whole.clone()
    other[1, 0] = features[0]  # what is said of video 0 looks true of a track of video 1
    absent[1, 2] = features[0]
    assert trajectory_contrastive_loss(other, valid, rows, features, referred) > loss
    assert trajectory_contrastive_loss(absent, valid, rows, features, referred) == loss
