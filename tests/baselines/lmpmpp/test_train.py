"""End-to-end training of LMPM++ in small sizes: precision, errors, and equality of one process and two."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from baselines.lmpmpp.config import TINY
from baselines.lmpmpp.losses import temporal_contrastive_loss
from baselines.lmpmpp.train import ClipOutputs, contrastive_loss_across_clips, sample_points, train_paper
from baselines.lmpmpp.train_options import PaperTrainOptions
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import DataError, MissingWeightsError, UsageError
from mevis_bench.training.loop import LoopTrainer
from tests.baselines.lmpmpp.small_model import OPTIONS
from tests.fixtures.training_arguments import ignore, make_training_arguments, read_options
from tests.paths import ROOT


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(make_mini("train", 4, 3, tmp_path_factory.mktemp("data")).parent, "train")


def test_maps_are_sampled_at_the_centers_of_their_cells():
    maps = torch.arange(12.0).view(1, 1, 3, 4).repeat(2, 3, 1, 1)
    maps[1] += 100
    points = torch.tensor([[0.125, 0.5 / 3], [0.875, 2.5 / 3], [0.5, 0.5]])[None, :, None].repeat(3, 1, 1, 1)
    expected = torch.tensor([[0.0, 11.0, 5.5] * 3, [100.0, 111.0, 105.5] * 3])
    torch.testing.assert_close(sample_points(maps, points), expected)


def test_negatives_are_seg_tokens_of_other_clips_and_the_clip_s_own_shuffles():
    """The second clip has no target, so that only the first prompt is an anchor."""
    torch.manual_seed(0)
    clip, other = (ClipOutputs({}, torch.randn(4), torch.randn(n, 4), torch.randn(m, 4)) for n, m in ((2, 2), (0, 1)))
    expected = temporal_contrastive_loss(
        clip.anchor[None],
        torch.cat((clip.seg, clip.disrupted)),
        torch.tensor([[True, True, False, False]]),
        torch.tensor([[False, False, True, True]]),
        0.2,
    )
    torch.testing.assert_close(contrastive_loss_across_clips([clip, other], 0.2), expected)
    third = ClipOutputs({}, torch.randn(4), torch.randn(1, 4), torch.randn(0, 4))
    tokens = torch.cat((clip.seg, third.seg, clip.disrupted))
    expected = temporal_contrastive_loss(
        torch.stack((clip.anchor, third.anchor)),
        tokens,
        torch.tensor([[True, True, False, False, False], [False, False, True, False, False]]),
        torch.tensor([[False, False, True, True, True], [True, True, False, False, False]]),
        0.2,
    )
    torch.testing.assert_close(contrastive_loss_across_clips([clip, third], 0.2), expected)


def make_args(split, out, progress=ignore, **changes):
    options = read_options({**OPTIONS, **changes}, PaperTrainOptions)
    return make_training_arguments("paper", options, split, out, progress=progress)


@pytest.mark.slow
def test_two_processes_take_the_steps_of_one(split, tmp_path, monkeypatch):
    """Loss curve and weights of a gloo run of two are those of one process, gathered tokens of equation 1 included."""
    alone = make_args(split, tmp_path / "alone")
    alone.out.mkdir()
    train_paper(alone, TINY)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    script = Path(__file__).with_name("small_model.py")
    subprocess.run(
        [*command, script, split.root.parent, tmp_path / "together"],
        check=True,
        capture_output=True,
        timeout=250,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    curves = [
        json.loads((tmp_path / name / "curves" / "paper.json").read_text())["losses"] for name in ("alone", "together")
    ]
    assert [point["step"] for point in curves[0]] == [point["step"] for point in curves[1]]
    assert curves[0][-1].keys() == {"step", "loss", "txt", "bce", "dice", "con"}
    for one, two in zip(*curves, strict=True):
        assert two == pytest.approx(one, rel=1e-4)
    one, two = (load_file(tmp_path / name / "lmpmpp-paper.safetensors") for name in ("alone", "together"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_a_stopped_training_gives_the_same_bytes(split, tmp_path, monkeypatch):
    settings = {"steps": 3, "save_every": 1, "samples": 2}
    train_paper(make_args(split, make_folder(tmp_path / "whole"), **settings), TINY)
    save = LoopTrainer._save

    def killed(self, training, files, state, sums):
        save(self, training, files, state, sums)
        if state.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(LoopTrainer, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        train_paper(make_args(split, make_folder(tmp_path / "stopped"), **settings), TINY)
    monkeypatch.undo()
    train_paper(make_args(split, tmp_path / "stopped", **settings), TINY)
    whole, again = (tmp_path / name / "lmpmpp-paper.safetensors" for name in ("whole", "stopped"))
    assert again.read_bytes() == whole.read_bytes()


def make_folder(path):
    path.mkdir()
    return path


def test_half_precision_trains_float32_parameters_only(split, tmp_path, monkeypatch):
    losses = []
    half = make_args(
        split, tmp_path, lambda *progress: losses.append(progress[3]), precision="bfloat16", steps=2, speech=0
    )
    train_paper(half, TINY)
    assert np.isfinite(list(losses[-1].values())).all()
    trained = load_file(tmp_path / "lmpmpp-paper.safetensors")
    assert {value.dtype for value in trained.values()} == {torch.float32}
    assert not [name for name in trained if name.startswith("language.llama.") and ".lora_" not in name]


def test_invalid_options_and_missing_files_are_refused(split, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="samples: a step cannot have 5 clips of different videos, the split has 4"):
        train_paper(make_args(split, tmp_path, samples=5), TINY)
    with pytest.raises(DataError, match="'precision': expected one of float32, bfloat16, got 'int8'"):
        train_paper(make_args(split, tmp_path, precision="int8"), TINY)
    missing = OPTIONS["start"] | {"llama": str(tmp_path / "llama.safetensors")}
    with pytest.raises(MissingWeightsError, match=r"llama\.safetensors: file to start from not found"):
        train_paper(make_args(split, tmp_path, start=missing), TINY)
