import json

import numpy as np
import pytest
import torch

from baselines.urvos import checkpoint, train
from baselines.urvos.config import SIZES
from baselines.urvos.model import Urvos
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import DataError
from tests.fixtures.tiny_split import write_tiny_split
from tests.fixtures.training_arguments import make_training_arguments, read_options


@pytest.fixture
def split(tmp_path):
    write_tiny_split(tmp_path / "data")
    return open_dataset(tmp_path / "data", "train")


def options(**changes):
    small = {"steps": 2, "clips": 1, "frames": 2, "side": 32, "words": 4, "measured_clips": 2}
    shipped = read_train_config("urvos", "resnet50", []).plain_options()
    return read_options({**shipped, **small, **changes}, train.TrainOptions)


def test_a_short_training_writes_weights_that_load(split, tmp_path):
    points = []
    out = tmp_path / "out"
    train.train(
        make_training_arguments("resnet50", options(), split, out, progress=lambda *point: points.append(point))
    )
    assert points[-1][:3] == ("urvos", 2, 2)
    weights = checkpoint.load(tmp_path / "out" / train.WEIGHTS_FILE, SIZES["base"])
    torch.manual_seed(0)
    start = Urvos().state_dict()
    moved = {key.split(".")[0] for key, value in weights.items() if not torch.equal(value, start[key])}
    assert {"encoder_q", "encoder_m", "cross", "memory", "fuse", "decoder"} <= moved
    assert torch.equal(weights["encoder_q.bn1.running_mean"], start["encoder_q.bn1.running_mean"])
    evaluations = json.loads((out / "curves" / "urvos.json").read_text())["evaluations"]
    assert [point["step"] for point in evaluations] == [2]
    assert 0 <= evaluations[0]["IoU"] <= 1


def test_the_target_is_the_union_of_the_objects(split):
    both = next(ground_truth for ground_truth in split.ground_truths("va") if ground_truth.expression.text == "both")
    mask = train.target_mask(both, 0)
    assert mask[:, :2].all()
    assert not mask[:, 2:].any()
    none = next(ground_truth for ground_truth in split.ground_truths("va") if ground_truth.expression.text == "none")
    assert not train.target_mask(none, 0).any()


def test_clips_stay_inside_the_video(split):
    read = options(frames=3)
    for seed in range(5):
        clip = train.draw_clip(split, read, 3, np.random.default_rng(seed))
        assert clip.images.shape == (3, 3, 32, 32)
        assert clip.masks.shape == (3, 32, 32)
        assert clip.masks.dtype == torch.int64


def test_unknown_options_are_refused():
    with pytest.raises(DataError, match="unknown key 'clip'"):
        options(clip=1)
