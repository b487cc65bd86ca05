"""TransRMOT and TempRMOT overfit two clips and resume to the same bytes; targets of the trackers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.layers.inference.encoders import Encoders
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.nn.text_encoder import HashTokenizer
from baselines.layers.training.clip_augmentation import RandomSizeCrop
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.track_recipe import choose_frames, encode_sentences, frame_targets
from baselines.transrmot.train import TrainOptions
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import HEIGHT, SIDE, WIDTH, assert_overfits, assert_resumes, write_two_clips
from tests.baselines.tiny_trainings import shrink_networks, tracker_case

STEADY = {"transrmot": ("losses.random_drop=0.0", "losses.fp_ratio=0.0"), "temprmot": ()}
"""Settings without random choices between frames."""


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink_networks(monkeypatch)


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_two_clips(tmp_path_factory.mktemp("data") / "train"), "train")


@pytest.mark.slow
@pytest.mark.parametrize("method", STEADY)
def test_two_clips_are_overfitted(method, tmp_path):
    assert_overfits(tracker_case(method, "steps=240", *STEADY[method]), tmp_path, metric="LocA")


@pytest.mark.parametrize("method", STEADY)
def test_a_stopped_training_gives_the_same_bytes(method, tmp_path):
    assert_resumes(tracker_case(method), tmp_path)


def test_targets_are_all_objects_and_whether_the_sentence_refers_to_them(split):
    clip = read_clip(split, "va", [0, 1], split.expressions("va"))
    for number, sentence in enumerate(clip.sentences):
        first, second = frame_targets(clip, sentence)
        half = SIDE / 2
        pixels = np.array([[half, half, SIDE, SIDE], [64 + half, 32 + half, SIDE, SIDE]])
        np.testing.assert_allclose(first.boxes, pixels / [WIDTH, HEIGHT, WIDTH, HEIGHT], rtol=1e-6)
        assert second.boxes[:, 0].tolist() == pytest.approx([(half + 8) / WIDTH, (56 + half) / WIDTH])
        assert first.ids.tolist() == second.ids.tolist() == [0, 1]
        assert first.referred.tolist() == [number == 0, number == 1]


def test_an_object_that_a_frame_does_not_show_is_no_target(split):
    clip = read_clip(split, "va", [0, 1], split.expressions("va"))
    masks = clip.masks.copy()
    masks[0, 1] = 0
    nobody = replace(clip.sentences[0], objects=())
    first, second = frame_targets(replace(clip, masks=masks), nobody)
    assert (first.ids.tolist(), second.ids.tolist()) == ([0, 1], [1])
    assert not first.referred.any()


def test_boxes_reach_out_of_a_crop(split):
    clip = read_clip(split, "va", [0], split.expressions("va"))
    crop = RandomSizeCrop(40, 40, clip_boxes=False)(clip, np.random.default_rng(0))
    sizes = crop.boxes[..., 2:] - crop.boxes[..., :2]
    assert np.array_equal(sizes, clip.boxes[..., 2:] - clip.boxes[..., :2])
    assert (crop.boxes < 0).any() or (crop.boxes > 40).any()


class FakeStart:
    """Tracks nothing; the only map for a sentence is its number everywhere, and the number of the frame."""

    def track(self, frames):
        return torch.arange(len(frames)).float()

    def read(self, prompts):
        return torch.arange(len(prompts)).float()[:, None]

    def prompted(self, tracked, sentence):
        maps = torch.stack((tracked, sentence.expand(len(tracked))), 1)[..., None, None]
        return PreparedMaps([maps], (len(tracked), 3, HEIGHT, WIDTH))


class FakeDetector:
    """Its memory of a frame is the frame's map."""

    config = SIZES["mini"]

    def see(self, frames):
        return frames.maps[0]

    def read(self, ids):
        return ids

    def encode(self, levels, words):
        return levels.flatten(1).tolist()


def test_sentences_behind_a_start_have_clips_all_over_the_video(split):
    clip = read_clip(split, "va", range(4), split.expressions("va"))
    options = read_train_config("transrmot", "mini", ["sampler_lengths=2", "sample_interval=2"]).options(TrainOptions)
    encoders = Encoders("resnet-mini", None, HashTokenizer(), FakeStart())
    runs = list(encode_sentences(FakeDetector(), encoders, clip, options, "cpu"))
    assert [sentence for _, _, sentence in runs] == list(clip.sentences)
    for number, (memories, seen, _) in enumerate(runs):
        assert memories == ([[number, number]], [[number + 2, number]])
        assert seen.frames == (number, number + 2)
        assert np.array_equal(seen.boxes, clip.boxes[:, number::2])


def test_a_clip_ends_with_its_video():
    options = read_train_config("transrmot", "scratch", ["sampler_lengths=3", "sample_interval=2"])
    assert choose_frames(9, 2, options.options(TrainOptions)) == [2, 4, 6]
    assert choose_frames(4, 0, options.options(TrainOptions)) == [0, 2, 3]
