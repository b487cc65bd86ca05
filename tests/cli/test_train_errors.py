"""Errors of ``train``: one message with the place and what to do, an exit code, and nothing written is lost."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from tests.baselines.overfit import write_two_clips

WORDS = ("train", "--method", "mttr:mini", "--val-split", "val", "--seed", "1")
SMALL = (
    "steps=3", "batch_size=1", "window_size=2", "train_short_size=32", "train_max_size=64", "val_videos=0",
    "save_every=1", "log_every=1",
)  # fmt: skip


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("train", "val"):
        write_two_clips(tmp_path / "data" / name)
    path = tmp_path / "data" / "val" / "meta_expressions_v2.json"
    path.write_text(path.read_text().replace("the red", "the bright red"))
    return tmp_path / "data"


def train(data: Path, *settings: str, out: str = "out") -> int:
    flags = [flag for setting in (*SMALL, *settings) for flag in ("--set", setting)]
    return main([*WORDS, "--data", str(data), "--out", out, *flags])


def test_a_split_without_ground_truth(data, capsys):
    (data / "train" / "mask_dict.json").unlink()
    assert train(data) == ExitCode.USAGE
    assert "data/train: the split has no ground truth (mask_dict.json), so it cannot be trained on" in output(capsys)


def test_a_missing_checkpoint_and_one_of_another_network(data, capsys, tmp_path):
    assert train(data, "checkpoint=none.safetensors") == ExitCode.USAGE
    assert "none.safetensors: file to start from not found Give its path: --set checkpoint=FILE." in output(capsys)
    save_file({"other": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert train(data, "checkpoint=other.safetensors", out="other") == ExitCode.USAGE
    message = output(capsys)
    assert "other.safetensors: the file does not match this model:" in message
    assert "1 unexpected: other" in message
    assert not list(tmp_path.glob("*/*.safetensors"))


def test_a_start_that_failed_is_corrected_in_the_same_folder(data, capsys, tmp_path):
    assert train(data, "checkpoint=none.safetensors") == ExitCode.USAGE
    assert train(data) == ExitCode.OK
    weights = tmp_path / "out" / "mttr_mini.safetensors"
    written = weights.read_bytes()
    assert train(data, "checkpoint=none.safetensors") == ExitCode.USAGE
    assert "out: the folder holds a training with other settings: options" in output(capsys)
    assert weights.read_bytes() == written


def test_a_loss_that_is_not_finite_keeps_the_checkpoint(data, capsys, tmp_path, monkeypatch):
    from baselines.mttr import train as mttr

    losses, calls = mttr.compute_losses, []

    def broken(*arguments):
        calls.append(0)
        found = losses(*arguments)
        return {name: value * (np.nan if len(calls) > 2 else 1) for name, value in found.items()}

    monkeypatch.setattr(mttr, "compute_losses", broken)
    assert train(data) == ExitCode.FAILED
    message = output(capsys)
    assert "stage 'mttr', step 2: the loss or its gradient is not finite" in message
    assert "samples: v" in message
    assert "the last good checkpoint is that of step 2" in message
    monkeypatch.setattr(mttr, "compute_losses", losses)
    assert train(data) == ExitCode.OK
    assert (tmp_path / "out" / "mttr_mini.safetensors").is_file()


def test_a_full_disk_at_the_end_keeps_the_training(data, capsys, tmp_path, monkeypatch):
    from baselines.layers.checkpoints import weights_file

    save = weights_file.save_file

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights_file, "save_file", full)
    assert train(data) == ExitCode.FAILED
    assert "out/mttr_mini.safetensors: the disk is full: the weights cannot be written" in output(capsys)
    monkeypatch.setattr(weights_file, "save_file", save)
    assert train(data) == ExitCode.OK
    shutil.rmtree(tmp_path / "out")


def output(capsys) -> str:
    return " ".join(capsys.readouterr().err.split())
