"""URVOS overfits two clips and resumes to the same bytes; its frames and targets."""

from dataclasses import replace

import numpy as np
import pytest

from baselines.layers.training.clip_sampling import read_clip
from baselines.urvos.train import TrainOptions, spread_frames, target_classes
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import UsageError
from tests.baselines.overfit import Case, assert_overfits, assert_resumes
from tests.fixtures.tiny_split import write_tiny_split

CASE = Case(
    "urvos",
    ("steps=120", "batch_size=2", "sentences=null", "num_frames=2", "longest_skip=2", "lr=5e-3", "warm_up=5"),
    {"side": 64, "words": 4},
    variant="scratch",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "sentences=1")), tmp_path)


def test_the_target_is_the_union_of_the_objects(tmp_path):
    split = open_dataset(write_tiny_split(tmp_path / "data"), "train")
    clip = read_clip(split, "va", (0, 1), split.expressions("va"))
    one, both, nobody = (target_classes(clip, sentence) for sentence in clip.sentences)
    assert one.tolist() == [[[1, 0, 0, 0, 0, 0, 0, 0]] * 6] * 2
    assert both.tolist() == [[[1, 1, 0, 0, 0, 0, 0, 0]] * 6] * 2
    assert nobody.tolist() == [[[0] * 8] * 6] * 2


def test_frames_are_evenly_apart_and_inside_the_video():
    options = read_train_config("urvos", "resnet50", []).options(TrainOptions)
    choose = spread_frames(options)
    seen = {tuple(choose(30, 10, np.random.default_rng(seed))) for seed in range(50)}
    assert seen == {(10, 10 + skip, 10 + 2 * skip) for skip in range(1, 6)}
    assert choose(2, 0, np.random.default_rng(0))[-1] == 1


def test_objects_cannot_be_kept_apart(tmp_path):
    with pytest.raises(UsageError, match="URVOS draws one mask and cannot keep objects apart"):
        CASE.train(tmp_path / "out", "targets=per_object")
