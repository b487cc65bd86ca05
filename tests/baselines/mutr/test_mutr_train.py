"""MUTR's audio branch learns: a training that runs and is read again."""

import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from baselines.layers.inputs.truth_masks import object_masks, target_mask
from baselines.mutr.train import VARIANT, WEIGHTS_FILE, TrainOptions, draw_clip, spoken_sentences, train
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import UsageError
from tests.fixtures.training_arguments import make_training_arguments, read_options

OPTIONS = {"steps": 2, "learning_rate": 1e-4, "clips": 2, "frames": 2, "short": 64, "targets": "union", "vggish": ""}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """One video; noise stands for the speech of its first three sentences."""
    root = make_mini("train", 1, 7, tmp_path_factory.mktemp("data"))
    meta = json.loads((root / "meta_expressions.json").read_text())
    for number in "012":
        soundfile.write(root / f"{number}.wav", 0.1 * np.random.default_rng(0).standard_normal(20000), 16000)
        meta["videos"]["00000"]["expressions"][number]["audio"] = f"{number}.wav"
    (root / "meta_expressions.json").write_text(json.dumps(meta))
    return open_dataset(root.parent, "train")


def setup(split, out, **changes):
    return make_training_arguments(VARIANT, read_options({**OPTIONS, **changes}, TrainOptions), split, out)


@pytest.mark.slow
def test_a_training_ends_in_weights_in_which_all_but_vggish_has_moved(split, tmp_path):
    train(setup(split, tmp_path, steps=1))
    before = load_file(tmp_path / WEIGHTS_FILE)
    (tmp_path / "checkpoints" / "mutr.safetensors").unlink()
    train(setup(split, tmp_path, steps=2))
    after = load_file(tmp_path / WEIGHTS_FILE)
    names = {
        f"loss_{name}{layer}" for name in ("ce", "bbox", "giou", "mask", "dice") for layer in ("", "_0", "_1", "_2")
    }
    assert set(json.loads((tmp_path / "curves" / "mutr.json").read_text())["losses"][-1]) == {"step", "loss", *names}
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith("reference.audio_encoder.")]
    assert {"reference.resizer.fc.weight", "queries.controller.layers.0.weight", "mta.layers.0.norm1.weight"} <= moved


@pytest.mark.parametrize("mode", ["union", "per_object"])
def test_drawn_clip_has_the_targets_of_its_sentence(split, tmp_path, mode):
    options = read_options({**OPTIONS, "targets": mode, "frames": 3}, TrainOptions)
    for video_id, truth, sound in spoken_sentences(split):
        clip = draw_clip(split, video_id, truth, sound, options, np.random.default_rng(0))
        assert clip.targets.masks.shape[1:] == (3, *clip.frames.shape[2:])
        assert len(clip.targets.masks) == (1 if mode == "union" else max(1, len(truth.objects)))


def test_objects_together_are_the_union(split):
    for video_id in split.video_ids:
        for truth in split.ground_truths(video_id):
            masks = object_masks(truth, [0, 3])
            assert len(masks) == len(truth.objects)
            union = masks.any(0) if len(masks) else np.zeros(masks.shape[1:], bool)
            assert np.array_equal(union, np.stack([target_mask(truth, index) for index in (0, 3)]) > 0)


def test_silent_splits_and_invalid_targets_are_refused(split, tmp_path):
    silent = open_dataset(make_mini("train", 1, 7, tmp_path / "silent").parent, "train")
    with pytest.raises(UsageError, match="the split has no speech"):
        train(setup(silent, tmp_path))
    with pytest.raises(UsageError, match="invalid targets 'all': expected union or per_object"):
        train(setup(split, tmp_path, targets="all"))
