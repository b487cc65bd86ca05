"""GIT overfits the sentences of two videos, and a stopped training ends in the same bytes."""

import json

import pytest

from baselines.git.method import load
from baselines.git.options import Options
from baselines.git.train import TrainOptions, train
from baselines.layers.inputs.target_sets import target_sets
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import MethodConfig
from tests.baselines.two_videos import write_two_videos
from tests.training_arguments import StoppingSplit, make_training_arguments, with_every_loss


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_two_videos(tmp_path_factory.mktemp("data") / "train", frames=3).parent, "train")


def run(split, out, *settings):
    out.mkdir(exist_ok=True)
    fixed = ["val_videos=0", "flip=0.0", "random_frames=false", "batch_size=4", "sentences=1", "warm_up=0", "alpha=1.0"]
    options = read_train_config("git", "mini", [*fixed, *settings]).options(TrainOptions)
    train(with_every_loss(make_training_arguments("mini", options, split, out)))


def test_two_videos_are_overfitted(split, tmp_path):
    run(
        split,
        tmp_path / "out",
        "steps=120",
        "losses.label_smoothing=0.0",
        "lr_image_encoder=5.0e-3",
        "lr_text_decoder=5.0e-3",
    )
    losses = json.loads((tmp_path / "out" / "curves" / "captions.json").read_text())["losses"]
    assert losses[-1]["loss"] < 0.1 * losses[0]["loss"]
    options = Options(size="mini", fit="squash", color=(255, 0, 0), alpha=1.0, beams=1, max_new_tokens=10)
    captioner = load(MethodConfig("rmeg", "mini", options, {"model": tmp_path / "out"}, "cpu", 0))
    for video_id in split.video_ids:
        sets = target_sets(split, video_id)
        predictions = captioner.predict(split.video(video_id), [target for target, _ in sets])
        assert [prediction.text for prediction in predictions] == [texts[0] for _, texts in sets]


def test_a_stopped_training_ends_in_the_same_bytes(split, tmp_path):
    run(split, tmp_path / "whole", "steps=3", "save_every=1")
    with pytest.raises(KeyboardInterrupt):
        run(StoppingSplit(split, 9), tmp_path / "stopped", "steps=3", "save_every=1")
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    run(split, tmp_path / "stopped", "steps=3", "save_every=1")
    for name in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()
