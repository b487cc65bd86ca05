"""LBDT overfits two clips and resumes to the same bytes; its frame pairs and targets."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.layers.inputs.word_vectors import SeededVectors
from baselines.layers.training.clip_sampling import read_clip
from baselines.lbdt.config import SIZES
from baselines.lbdt.model import Lbdt
from baselines.lbdt.train import Squashed, clip_losses
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import Case, assert_overfits, assert_resumes, write_two_clips

CASE = Case("lbdt", ("steps=70", "batch_size=4", "sentences=null", "lr=8e-3", "lr_drop=[12,14]"), {"side": 64})


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "sentences=1")), tmp_path)


def test_losses_of_sentences_together_are_means_over_them(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    torch.manual_seed(0)
    network = Lbdt(SIZES["mini"]).eval()
    clip = Squashed(64)(read_clip(split, "va", (0, 2), split.expressions("va")), np.random.default_rng(0))
    first, second = clip.sentences
    alone = [
        clip_losses(network, [replace(clip, sentences=(one,))], SeededVectors(0), "union", "cpu")
        for one in (first, second)
    ]
    both = clip_losses(network, [clip], SeededVectors(0), "union", "cpu")
    for name, value in both.items():
        torch.testing.assert_close(value, (alone[0][name] + alone[1][name]) / 2)
    joined = replace(clip, sentences=(replace(first, objects=(0, 1)),))
    apart = clip_losses(network, [joined], SeededVectors(0), "per_object", "cpu")
    halves = replace(clip, sentences=(first, replace(first, objects=(1,))))
    expected = clip_losses(network, [halves], SeededVectors(0), "union", "cpu")
    for name, value in apart.items():
        torch.testing.assert_close(value, expected[name])
    nobody = replace(clip, sentences=(replace(first, objects=()),))
    assert clip_losses(network, [nobody], SeededVectors(0), "per_object", "cpu")["loss_dice"] > 0.5
