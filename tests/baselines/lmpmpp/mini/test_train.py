import json
import shutil

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from baselines.lmpmpp.mini import tracker
from baselines.lmpmpp.mini.checkpoint import load_mini
from baselines.lmpmpp.mini.training.train import train
from baselines.lmpmpp.mini.training.train_options import TrainOptions
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import DataError
from tests.fixtures.training_arguments import make_training_arguments, read_options

OPTIONS = {
    "extractor": {"steps": 2, "learning_rate": 1e-3, "frames": 2},
    "detection": {"steps": 2, "learning_rate": 1e-3, "frames": 2},
    "alignment": {"steps": 2, "learning_rate": 1e-3, "videos": 2, "sentences": 4},
    "speech": {"steps": 2, "learning_rate": 1e-3, "utterances": 3, "share": 0.5},
    "language": {"steps": 2, "learning_rate": 1e-3, "videos": 2, "sentences": 4, "shuffled_videos": 1},
    "adapters": {"steps": 2, "learning_rate": 1e-3},
    "contrastive": True,
    "temperature": 0.07,
    "eval_every": 1,
}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    """Fake speech, noise, for one training video and for the validation video."""
    root = tmp_path_factory.mktemp("splits")
    rng = np.random.default_rng(0)
    for name, videos in (("train", 2), ("held_out", 1)):
        made = make_mini(name, videos, 7, root)
        meta = json.loads((made / "meta_expressions.json").read_text())
        for number, entry in meta["videos"]["00000"]["expressions"].items():
            soundfile.write(made / f"{number}.wav", 0.1 * rng.standard_normal(9000 + 500 * int(number)), 16000)
            entry["audio"] = f"{number}.wav"
        (made / "meta_expressions.json").write_text(json.dumps(meta))
    return open_dataset(root, "train"), open_dataset(root, "held_out")


def make_args(splits, out, options=OPTIONS, seen=None):
    def progress(stage, step, steps, losses):
        if seen is not None:
            seen.append((stage, step, steps, dict(losses)))

    data, val_data = splits
    return make_training_arguments("mini", read_options(options, TrainOptions), data, out, val_data, progress)


@pytest.fixture(scope="module")
def trained(splits, tmp_path_factory):
    out, seen = tmp_path_factory.mktemp("out"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "SCORE_THRESHOLD", 0.0)  # after two steps nothing scores high
        train(make_args(splits, out, seen=seen))
    return out, seen


def losses_of(out, stage):
    return set(json.loads((out / "curves" / f"{stage}.json").read_text())["losses"][-1]) - {"step", "loss"}


def test_all_stages_run_and_write_weights_curves_and_metrics(trained):
    out, seen = trained
    stages = dict.fromkeys(stage for stage, step, steps, _ in seen if step == steps)
    trained_stages = ["extractor", "detection", "alignment", "speech", "language", "adapters"]
    assert [stage for stage in stages if stage in trained_stages] == trained_stages
    for stage in trained_stages:
        curve = json.loads((out / "curves" / f"{stage}.json").read_text())["losses"]
        assert curve[-1]["step"] == 2
        assert all(torch.isfinite(torch.tensor(value)) for value in curve[-1].values())
    assert losses_of(out, "alignment") == {"bce", "con"}
    assert losses_of(out, "language") == {"txt", "bce", "dice", "con_trajectories"}
    assert losses_of(out, "adapters") == {"txt", "bce", "dice", "con", "con_trajectories"}
    weights = {"txt": 1.0, "bce": 2.0, "dice": 0.5, "con": 0.3, "con_trajectories": 0.3}
    last = json.loads((out / "curves" / "adapters.json").read_text())["losses"][-1]
    assert last["loss"] == pytest.approx(sum(weight * last[name] for name, weight in weights.items()), rel=1e-4)
    metrics = json.loads((out / "val_metrics.json").read_text())
    names = {"iou", "exact", "N-acc", "T-acc"}
    assert set(metrics["speech"]) == names
    assert set(metrics["adapters"]) == names | {f"heard {name}" for name in names}
    model, tokenizer = load_mini(out / "mini.safetensors")
    assert model.supports_speech
    assert len(tokenizer) > 20
    assert all(torch.isfinite(value).all() for value in model.state_dict().values())


def test_stages_without_speech_and_contrastive_loss(tmp_path):
    for name, videos in (("train", 1), ("held_out", 1)):
        make_mini(name, videos, 7, tmp_path)
    silent = open_dataset(tmp_path, "train"), open_dataset(tmp_path, "held_out")
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracker, "SCORE_THRESHOLD", 0.0)
        train(make_args(silent, out, {**OPTIONS, "contrastive": False}))
    assert not (out / "checkpoints" / "speech.safetensors").exists()
    assert losses_of(out, "alignment") == {"bce"}
    assert losses_of(out, "language") == {"txt", "bce", "dice"}
    assert losses_of(out, "adapters") == {"txt", "bce", "dice"}
    assert set(json.loads((out / "val_metrics.json").read_text())["adapters"]) == {"iou", "exact", "N-acc", "T-acc"}
    model, _ = load_mini(out / "mini.safetensors")
    assert not model.supports_speech


def test_a_finished_training_is_not_repeated(trained, splits):
    out, _ = trained
    before, measured, seen = load_file(out / "mini.safetensors"), (out / "val_metrics.json").read_text(), []
    train(make_args(splits, out, seen=seen))
    assert not seen
    after = load_file(out / "mini.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (out / "val_metrics.json").read_text() == measured


@pytest.mark.parametrize("finished", [3, 5])
def test_a_training_stopped_between_two_stages_resumes_identically(trained, splits, tmp_path, finished):
    out, _ = trained
    shutil.copytree(out / "cache", tmp_path / "cache")
    for stage in ("extractor", "detection", "alignment", "speech", "language")[:finished]:
        (tmp_path / "checkpoints").mkdir(exist_ok=True)
        name = f"checkpoints/{stage}.safetensors"
        shutil.copyfile(out / name, tmp_path / name)
    train(make_args(splits, tmp_path))
    assert (tmp_path / "curves/adapters.json").read_text() == (out / "curves/adapters.json").read_text()
    undisturbed, resumed = load_file(out / "mini.safetensors"), load_file(tmp_path / "mini.safetensors")
    assert all(torch.equal(undisturbed[name], resumed[name]) for name in undisturbed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"adapters": {**OPTIONS["adapters"], "rank": 4}}, "unknown key 'adapters.rank'"),
        ({"eval_every": "often"}, "'eval_every': expected an integer, got 'often'"),
        ({"extractor": {"steps": 2}}, "extractor.learning_rate"),
        ({"extractor": 3}, "'extractor': expected a mapping, got 3"),
    ],
)
def test_invalid_options_are_refused(splits, tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        make_args(splits, tmp_path, {**OPTIONS, **change})
