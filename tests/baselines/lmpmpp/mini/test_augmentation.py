"""Augmentation: mirrored geometry and words belong together, jitter stays within its bounds."""

import numpy as np
import torch

from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.mini.training.augmentation import (
    BOX_NOISE,
    SCENE_SHIFT,
    Augmentation,
    jitter,
    mirror_tracks,
    mirror_words,
)
from tests.baselines.lmpmpp.mini.hand_made import prompted_batch, track_cache, track_features

ASPECT = 16 / 9
SENTENCES = ["moves left then up", "rolls rightward", "the one on the right", "stays"]
TOKENIZER = WordTokenizer.from_sentences([*SENTENCES, "leftward"])


def test_mirrored_words_exchange_left_and_right():
    mirrored = ["moves right then up", "rolls leftward", "the one on the left", "stays"]
    words = TOKENIZER(SENTENCES)
    assert torch.equal(mirror_words(words, TOKENIZER), TOKENIZER(mirrored))
    assert torch.equal(mirror_words(mirror_words(words, TOKENIZER), TOKENIZER), words)


def test_mirrored_tracks_have_x_from_the_other_side():
    tracks = track_features(2)
    tracks.camera[:] = torch.rand(tracks.camera.shape)
    mirrored = mirror_tracks(tracks, torch.tensor([True, False]), ASPECT)
    torch.testing.assert_close(mirrored.boxes[0, ..., 0], ASPECT - tracks.boxes[0, ..., 0])
    torch.testing.assert_close(mirrored.boxes[0, ..., 1:], tracks.boxes[0, ..., 1:])
    torch.testing.assert_close(mirrored.camera[0, :, 0], -tracks.camera[0, :, 0])
    torch.testing.assert_close(mirrored.camera[0, :, 1], tracks.camera[0, :, 1])
    assert torch.equal(mirrored.boxes[1], tracks.boxes[1])
    assert torch.equal(mirrored.camera[1], tracks.camera[1])
    twice = mirror_tracks(mirrored, torch.tensor([True, False]), ASPECT)
    torch.testing.assert_close(twice.boxes, tracks.boxes)
    torch.testing.assert_close(twice.camera, tracks.camera)


def test_jitter_is_small_noise_a_common_shift_and_dropout():
    tracks = track_features(500)
    jittered = jitter(tracks, np.random.default_rng(0))
    noise = jittered.boxes - tracks.boxes
    assert abs(noise.std().item() - BOX_NOISE) < 0.02 * BOX_NOISE
    shift = jittered.camera - tracks.camera
    assert torch.allclose(shift, shift[:, :1].expand_as(shift)), "one shift for all time steps of a scene"
    assert SCENE_SHIFT * 0.9 < shift.abs().max() <= SCENE_SHIFT
    assert abs(jittered.present.mean().item() - 0.95) < 0.02


def test_a_batch_has_mirrored_videos_with_mirrored_sentences():
    """Ten copies of the video; sentence i of each is ``SENTENCES[i]``."""
    cache, indices = track_cache(10), prompted_batch(10).indices
    words = TOKENIZER(SENTENCES * 10)
    augment = Augmentation(TOKENIZER, cache, words, ASPECT)
    batch = augment(indices, np.random.default_rng(0))
    assert 0 < batch.mirrored.sum() < 10
    for sentence, video in enumerate(indices.video_index.tolist()):
        expected = words[sentence]
        if batch.mirrored[video]:
            expected = mirror_words(expected, TOKENIZER)
        assert torch.equal(batch.words[sentence], expected)
    x = batch.tracks.boxes[:, 0, 0, 0]
    expected = torch.where(batch.mirrored, torch.tensor(ASPECT - 0.2), torch.tensor(0.2))
    torch.testing.assert_close(x, expected, atol=6 * BOX_NOISE, rtol=0)


def test_speech_batches_are_not_mirrored():
    augment = Augmentation(TOKENIZER, track_cache(10), TOKENIZER(SENTENCES * 10), ASPECT)
    batch = augment(prompted_batch(10).indices, np.random.default_rng(0), mirroring=False)
    assert not batch.mirrored.any()
    assert torch.equal(batch.words, TOKENIZER(SENTENCES * 10))
