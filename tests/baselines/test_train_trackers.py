"""TransRMOT and TempRMOT learn two videos by heart, and a stopped training ends in the same bytes."""

import importlib
import json
from dataclasses import replace

import pytest
import yaml

from baselines.layers.nn.referring_detector import SIZES
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import MethodConfig, TextPrompt
from tests.baselines.two_videos import HEIGHT, VIDEOS, WIDTH, write_two_videos
from tests.paths import ROOT
from tests.training_arguments import make_training_arguments, read_options, with_every_loss

METHODS = ("transrmot", "temprmot")


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_two_videos(tmp_path_factory.mktemp("data") / "train").parent, "train")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A network that learns in seconds."""
    monkeypatch.setitem(SIZES, "mini", replace(SIZES["mini"], depth=1, detect_queries=6, levels=2))


def train(method, split, out, *settings):
    out.mkdir()
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
def test_two_videos_are_learned_by_heart(method, split, tmp_path):
    out = tmp_path / "out"
    train(method, split, out, "steps=160", "lr=3.0e-3", "lr_backbone=3.0e-3")
    losses = json.loads((out / "curves" / "tracker.json").read_text())["losses"]
    print([x["loss"] for x in losses][::10])
    assert losses[-1]["loss"] < 0.1 * losses[0]["loss"]
    tracker = load(method, out)
    for video_id, blocks in VIDEOS.items():
        expressions = split.expressions(video_id)
        prompts = [TextPrompt(expression.id, expression.text) for expression in expressions]
        predictions = tracker.predict(split.video(video_id), prompts)
        for prediction, (_, (row, column), (down, right)) in zip(predictions, blocks.values(), strict=True):
            print(prediction.frames, prediction.ids, prediction.boxes)
            assert prediction.frames.tolist() == [0, 1]
            assert len(set(prediction.ids.tolist())) == 1
            for frame, box in enumerate(prediction.boxes):
                y, x = row + frame * down, column + frame * right
                assert iou(box, (x, y, x + 26, y + 20)) > 0.9
