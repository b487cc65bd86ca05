"""TransRMOT and TempRMOT overfit two videos, and a stopped training ends in the same bytes."""

import importlib
import json
from dataclasses import replace

import numpy as np
import pytest
import yaml

from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.track_recipe import frame_targets
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import MethodConfig, TextPrompt
from tests.baselines.two_videos import HEIGHT, VIDEOS, WIDTH, write_two_videos
from tests.paths import ROOT
from tests.training_arguments import StoppingSplit, make_training_arguments, read_options, with_every_loss

METHODS = ("transrmot", "temprmot")
OVERFIT = {
    "transrmot": ["losses.random_drop=0.0", "losses.fp_ratio=0.0"],
    "temprmot": [],
}
"""Settings without the random choices between frames."""
RATES = ["lr=1.5e-3", "lr_backbone=1.5e-3", "lr_linear_proj_mult=1.0", "epochs=4"]


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_two_videos(tmp_path_factory.mktemp("data") / "train").parent, "train")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A network that learns in seconds."""
    monkeypatch.setitem(SIZES, "mini", replace(SIZES["mini"], levels=3, detect_queries=6))


def train(method, split, out, *settings):
    out.mkdir(exist_ok=True)
    module = importlib.import_module(f"baselines.{method}.train")
    fixed = [f"scales=[{HEIGHT}]", f"max_size={WIDTH}", "val_videos=0", "lr_drop=3", "sampler_lengths=2"]
    options = read_train_config(method, "mini", [*fixed, *settings]).options(module.OPTIONS["mini"])
    module.train(with_every_loss(make_training_arguments("mini", options, split, out)))


def load(method, out):
    variant = yaml.safe_load((ROOT / "baselines" / method / "method.yaml").read_text())["variants"]["mini"]
    options = {**variant["options"], "short": HEIGHT, "longest": WIDTH}
    kind = importlib.import_module(f"baselines.{method}.options").Options
    weights = {name: out / f"{name}.{suffix}" for name, suffix in (("model", "safetensors"), ("tokenizer", "json"))}
    config = MethodConfig("rmot", "mini", read_options(options, kind), weights, "cpu", 0)
    return importlib.import_module(f"baselines.{method}.method").load(config)


def iou(one, other):
    corners = [max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])]
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (corners, one, other)]
    return areas[0] / (areas[1] + areas[2] - areas[0])


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_two_videos_are_overfitted(method, split, tmp_path):
    out = tmp_path / "out"
    train(method, split, out, "steps=300", *RATES, *OVERFIT[method])
    losses = json.loads((out / "curves" / "tracker.json").read_text())["losses"]
    assert losses[-1]["loss"] < 0.1 * losses[0]["loss"]
    tracker = load(method, out)
    for video_id, blocks in VIDEOS.items():
        expressions = split.expressions(video_id)
        prompts = [TextPrompt(expression.id, expression.text) for expression in expressions]
        predictions = tracker.predict(split.video(video_id), prompts)
        for prediction, (_, (row, column), (down, right)) in zip(predictions, blocks.values(), strict=True):
            assert prediction.frames.tolist() == [0, 1]
            assert len(set(prediction.ids.tolist())) == 1
            for frame, box in enumerate(prediction.boxes):
                y, x = row + frame * down, column + frame * right
                assert iou(box, (x, y, x + 26, y + 20)) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_stopped_training_ends_in_the_same_bytes(method, split, tmp_path):
    train(method, split, tmp_path / "whole", "steps=3", "save_every=1")
    with pytest.raises(KeyboardInterrupt):
        train(method, StoppingSplit(split, 5), tmp_path / "stopped", "steps=3", "save_every=1")
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    train(method, split, tmp_path / "stopped", "steps=3", "save_every=1")
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_targets_are_all_objects_and_what_the_sentence_means(split):
    clip = read_clip(split, "va", [0, 1], split.expressions("va"))
    for number, sentence in enumerate(clip.sentences):
        first, second = frame_targets(clip, sentence)
        expected = [
            [21 / WIDTH, 18 / HEIGHT, 26 / WIDTH, 20 / HEIGHT],
            [73 / WIDTH, 48 / HEIGHT, 26 / WIDTH, 20 / HEIGHT],
        ]
        np.testing.assert_allclose(first.boxes, expected, rtol=1e-6)
        assert second.boxes[0, 0] == pytest.approx(31 / WIDTH)
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
