"""Weights files: equal bytes, complete or absent."""

import errno

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from baselines.layers.checkpoints import weights_file
from baselines.layers.checkpoints.weights_file import save_weights
from mevis_bench.records import MevisBenchError

METADATA = {"seed": "3", "words": '["é", "a\\"b"]', "a": "x", "fingerprint": "f" * 64}


def test_equal_weights_give_equal_bytes_whatever_the_order_of_the_metadata(tmp_path):
    tensors = {"b": torch.arange(6.0).view(2, 3).T, "a": torch.ones(1)}
    files = set()
    for number in range(8):  # the library's order is random
        items = list(METADATA.items())
        save_weights(tensors, tmp_path / str(number), dict(items[number % 4 :] + items[: number % 4]))
        files.add((tmp_path / str(number)).read_bytes())
    assert len(files) == 1
    loaded = load_file(tmp_path / "0")
    assert all(torch.equal(loaded[name], value) for name, value in tensors.items())
    with safe_open(tmp_path / "0", "pt") as file:
        assert file.metadata() == METADATA


def test_a_full_disk_keeps_the_file_before(tmp_path, monkeypatch):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"old")

    def full(tensors, draft, metadata):
        draft.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(weights_file, "save_file", full)
    with pytest.raises(MevisBenchError, match="the disk is full: the weights cannot be written"):
        save_weights({}, path, METADATA)
    assert [file.name for file in tmp_path.iterdir()] == ["weights.safetensors"]
    assert path.read_bytes() == b"old"
