"""WNet overfits two clips and resumes to the same bytes; its frames, and what it refuses."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.layers.training.clip_sampling import read_clip
from baselines.wnet.config import SIZES
from baselines.wnet.method import recording_reader
from baselines.wnet.model import WNet
from baselines.wnet.train import clip_losses, frames_before
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import UsageError
from tests.baselines.overfit import Case, assert_overfits, assert_resumes, write_two_clips

CASE = Case(
    "wnet",
    ("steps=450", "lr_drop=14", "batch_size=2", "sentences=null", "size=64", "max_size=96", "augment=false", "lr=2e-3",
     "lr_backbone=2e-3"),
    {"short": 64, "clip_length": 4},
    variant="scratch",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "augment=true", "sentences=1")), tmp_path)


def test_frames_before_the_first_wrap_to_the_end():
    choose = frames_before(4)
    assert choose(10, 7, np.random.default_rng(0)) == [4, 5, 6, 7]
    assert choose(10, 1, np.random.default_rng(0)) == [8, 9, 0, 1]
    assert choose(3, 0, np.random.default_rng(0)) == [0, 1, 2, 0]


def test_losses_of_a_clip_are_means_over_its_sentences(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    torch.manual_seed(0)
    network = WNet(2, "resnet-mini", SIZES["mini"]).eval()
    clip = read_clip(split, "va", (0, 2), split.expressions("va"))
    read = recording_reader("cpu")
    both = clip_losses(network, clip, read, None, "cpu")
    parts = [clip_losses(network, replace(clip, sentences=(one,)), read, None, "cpu") for one in clip.sentences]
    names = {"loss_kl", "loss_mask", "loss_dice", "loss_bbox", "loss_giou", "loss_bbox_0", "loss_giou_0"}
    assert set(both) == names
    for name in names:
        torch.testing.assert_close(both[name], (parts[0][name] + parts[1][name]) / 2)
    assert parts[0]["loss_kl"] != parts[1]["loss_kl"]  # it listens


def test_objects_cannot_be_kept_apart(tmp_path):
    with pytest.raises(UsageError, match="WNet has one query per frame and cannot keep objects apart"):
        CASE.train(tmp_path / "out", "targets=per_object")
