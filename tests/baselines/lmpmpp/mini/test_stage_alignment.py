"""Stage 3: targets, batches, equation 1 over the trajectories of all videos of a batch, and the evaluation."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.lmpmpp.mini.training.stage_alignment import (
    BatchSampler,
    contrastive_loss_across_trajectories,
    evaluate_selection,
    track_targets,
)
from mevis_bench.records import UsageError
from tests.baselines.lmpmpp.mini.hand_made import track_cache

TAU = 0.07


def contrastive_inputs():
    """Two videos of three and two tracks; sentence 0 refers to two tracks, 2 to none, 3 to one that is padding."""
    generator = torch.Generator().manual_seed(3)
    embeddings, sentences = torch.randn(2, 3, 5, generator=generator), torch.randn(4, 5, generator=generator)
    valid = torch.tensor([[True, True, True], [True, True, False]])
    video_index = torch.tensor([0, 1, 1, 1])
    referred = torch.tensor([[True, False, True], [False, True, False], [False, False, False], [False, False, True]])
    return embeddings, valid, video_index, sentences, referred


def reference_loss(embeddings, valid, video_index, sentences, referred):
    """Equation 1 sentence by sentence: P are the tracks that it refers to, N all other tracks of all videos."""

    def similarity(sentence, video, track):
        a, b = sentences[sentence].tolist(), embeddings[video, track].tolist()
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return math.exp(dot / math.hypot(*a) / math.hypot(*b) / TAU)

    losses = []
    tracks = [(video, track) for video in range(2) for track in range(3) if valid[video, track]]
    for sentence, video in enumerate(video_index.tolist()):
        positives = [(v, t) for v, t in tracks if v == video and referred[sentence, t]]
        if positives:
            total = sum(similarity(sentence, *track) for track in tracks)
            losses.append(-sum(math.log(similarity(sentence, *track) / total) for track in positives) / len(positives))
    return sum(losses) / len(losses)


def test_the_loss_is_equation_1_over_the_trajectories_of_all_videos():
    loss = contrastive_loss_across_trajectories(*contrastive_inputs(), TAU)
    assert math.isclose(loss, reference_loss(*contrastive_inputs()), rel_tol=1e-5)


def test_trajectories_of_other_videos_are_negatives_and_padding_is_not():
    embeddings, valid, video_index, sentences, referred = contrastive_inputs()
    loss = contrastive_loss_across_trajectories(embeddings, valid, video_index, sentences, referred, TAU)
    other, padding = embeddings.clone(), embeddings.clone()
    other[1, 0] = sentences[0]
    padding[1, 2] = sentences[0]
    assert contrastive_loss_across_trajectories(other, valid, video_index, sentences, referred, TAU) > loss
    assert contrastive_loss_across_trajectories(padding, valid, video_index, sentences, referred, TAU) == loss


def test_track_targets_follow_the_object_of_each_track():
    """Track 0 shows object 1, track 1 object 0, track 2 none; the sentences refer to 0, 1, both, none."""
    targets = track_targets(track_cache(2), torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 6, 7]))
    assert targets.tolist() == [[0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_a_batch_has_sentences_of_its_own_videos():
    cache = track_cache(5)
    batch = BatchSampler(cache, videos=3, sentences=2)(np.random.default_rng(0))
    assert len(set(batch.videos.tolist())) == 3
    assert batch.video_index.tolist() == [0, 0, 1, 1, 2, 2]
    assert torch.equal(cache.sentence_videos[batch.sentences], batch.videos[batch.video_index])
    assert len(set(batch.sentences.tolist())) == 6


def test_only_allowed_sentences_and_videos_with_tracks_are_drawn():
    cache = track_cache(3)
    cache.tracks.valid[0] = False
    allowed = torch.zeros(12, dtype=torch.bool)
    allowed[[0, 5]] = True
    batch = BatchSampler(cache, videos=3, sentences=2, allowed=allowed)(np.random.default_rng(0))
    assert (batch.videos.tolist(), batch.sentences.tolist()) == ([1], [5])
    empty = replace(cache.tracks, valid=torch.zeros_like(cache.tracks.valid))
    with pytest.raises(UsageError, match="no training video has a track"):
        BatchSampler(replace(cache, tracks=empty), 1, 1)


def test_evaluation_counts_objects_and_false_tracks():
    """Right; right with the false detection (IoU 1/2); one of two (1/2); right for no target."""
    selected = torch.tensor([[False, True, False], [True, False, True], [True, False, False], [False] * 3])
    metrics = evaluate_selection(selected, track_cache())
    assert metrics == pytest.approx({"iou": 3 / 4, "exact": 2 / 4, "N-acc": 1.0, "T-acc": 1.0})
    metrics = evaluate_selection(
        torch.tensor([[False] * 3, [True, False, False], [True, True, False], [True] * 3]), track_cache()
    )
    assert metrics == pytest.approx({"iou": 2 / 4, "exact": 2 / 4, "N-acc": 0.0, "T-acc": 2 / 3})
