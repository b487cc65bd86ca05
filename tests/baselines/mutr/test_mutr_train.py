"""MUTR's audio branch learns: its losses against their formulas, and a training that runs and is read again."""

import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from baselines.layers.nn.boxes import corners, generalized_iou
from baselines.mutr.losses import Target, focal, query_losses, weighted
from baselines.mutr.train import WEIGHTS_FILE, train
from mevis_bench.data.mevis.split import open_split
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import TrainingArguments, UsageError

OPTIONS = {"steps": 2, "learning_rate": 1e-4, "clips": 2, "frames": 2, "short": 64, "vggish": ""}


def square(frames=3, size=8, left=2, top=1, side=3):
    masks = torch.zeros(frames, size, size)
    masks[:, top : top + side, left : left + side] = 1
    return masks


def test_a_target_knows_its_boxes_and_where_it_is_seen():
    masks = square()
    masks[1] = 0
    target = Target.of(masks)
    assert target.seen.tolist() == [True, False, True]
    torch.testing.assert_close(target.boxes[0], torch.tensor([3.5 / 8, 2.5 / 8, 3 / 8, 3 / 8]))


def test_focal_loss_is_its_formula():
    logits, targets = torch.tensor([-1.3, 0.4]), torch.tensor([1.0, 0.0])
    p = logits.sigmoid()
    expected = torch.stack((-0.25 * (1 - p[0]) ** 2 * p[0].log(), -0.75 * p[1] ** 2 * (1 - p[1]).log()))
    torch.testing.assert_close(focal(logits, targets), expected)


def test_generalized_iou_of_boxes_apart_and_inside():
    one = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2]])
    other = torch.tensor([[0.5, 0.5, 0.25, 0.25], [0.6, 0.2, 0.2, 0.2]])
    torch.testing.assert_close(generalized_iou(corners(one), corners(other)), torch.tensor([0.25, 0 - 0.2 / 0.6]))


def test_the_query_that_fits_has_to_find_the_target_and_the_others_nothing():
    target = Target.of(square())
    boxes = torch.rand(3, 4, 4) * 0.3 + 0.1
    boxes[:, 2] = target.boxes
    masks = torch.full((3, 4, 8, 8), -9.0)
    masks[:, 2] = 18 * target.masks - 9
    right = query_losses(torch.tensor([-9.0, -9, 9, -9]), boxes, masks, target)
    assert weighted(right) < 0.05
    other = query_losses(torch.tensor([9.0, -9, -9, -9]), boxes, masks, target)
    assert weighted(other) > weighted(right) + 5
    nothing = Target.of(torch.zeros(3, 8, 8))
    assert weighted(query_losses(torch.full((4,), -9.0), boxes, masks, nothing)) < 0.01
    assert weighted(query_losses(torch.tensor([9.0, -9, -9, -9]), boxes, masks, nothing)) > 5


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """One video; noise stands for the speech of its first three sentences."""
    root = make_mini("train", 1, 7, tmp_path_factory.mktemp("data"))
    meta = json.loads((root / "meta_expressions.json").read_text())
    for number in "012":
        soundfile.write(root / f"{number}.wav", 0.1 * np.random.default_rng(0).standard_normal(20000), 16000)
        meta["videos"]["00000"]["expressions"][number]["audio"] = f"{number}.wav"
    (root / "meta_expressions.json").write_text(json.dumps(meta))
    return open_split(root.parent, "train")


def setup(split, out, variant="audio-video-swin-t", **changes):
    return TrainingArguments(variant, {**OPTIONS, **changes}, split, split, out, "cpu", 0, lambda *told: None)


@pytest.mark.slow
def test_a_training_ends_in_weights_in_which_all_but_vggish_has_moved(split, tmp_path):
    train(setup(split, tmp_path, steps=1))
    before = load_file(tmp_path / WEIGHTS_FILE)
    (tmp_path / "mutr.safetensors").unlink()
    train(setup(split, tmp_path, steps=2))
    after = load_file(tmp_path / WEIGHTS_FILE)
    assert set(json.loads((tmp_path / "mutr.json").read_text())[-1]) == {
        "step", "loss", "class", "box", "giou", "mask", "dice",
    }  # fmt: skip
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith("reference.audio_encoder.")]
    assert {"reference.resizer.fc.weight", "queries.controller.layers.0.weight", "mta.layers.0.norm1.weight"} <= moved


def test_what_cannot_be_trained_is_told_in_words(split, tmp_path):
    with pytest.raises(UsageError, match="variant video-swin-t of mutr is not trained here"):
        train(setup(split, tmp_path, variant="video-swin-t"))
    silent = open_split(make_mini("train", 1, 7, tmp_path / "silent").parent, "train")
    with pytest.raises(UsageError, match="no sentence of the split is spoken"):
        train(setup(silent, tmp_path))
