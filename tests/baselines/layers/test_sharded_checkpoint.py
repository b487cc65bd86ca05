"""Folders of shards: put into a model whole, or refused with what is wrong."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from baselines.layers.checkpoints.sharded_checkpoint import load_shards
from mevis_bench.records import DataError


def small() -> nn.Module:
    with torch.device("meta"):
        return nn.ModuleDict({"one": nn.Linear(2, 3), "two": nn.Linear(3, 1)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    shards = {
        "model-00001-of-00002.safetensors": {"one.weight": torch.randn(3, 2), "one.bias": torch.randn(3)},
        "model-00002-of-00002.safetensors": {"two.weight": torch.randn(1, 3), "two.bias": torch.randn(1)},
    }
    for name, tensors in shards.items():
        save_file(tensors, tmp_path / name)
    weight_map = {key: name for name, tensors in shards.items() for key in tensors}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return tmp_path


def load(folder: Path, module: nn.Module, **more: object) -> None:
    load_shards(folder, module, dtype=torch.float16, device="cpu", **more)


def test_all_shards_arrive_in_the_requested_precision(folder: Path) -> None:
    module = small()
    load(folder, module)
    torch.manual_seed(0)
    assert torch.equal(module["one"].weight, torch.randn(3, 2).half())
    assert not any(parameter.is_meta for parameter in module.parameters())


def test_a_single_file_needs_no_index_and_keys_can_be_translated(tmp_path: Path) -> None:
    tensors = {"uno.weight": torch.ones(3, 2), "uno.bias": torch.ones(3), "two.weight": torch.ones(1, 3)}
    save_file(tensors | {"two.bias": torch.ones(1), "counter": torch.ones(1)}, tmp_path / "model.safetensors")
    module = small()
    load(tmp_path, module, our_key=lambda key: key.replace("uno", "one"), ignored=("counter",))
    assert module["one"].bias.tolist() == [1, 1, 1]


def test_a_missing_shard_is_named(folder: Path) -> None:
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(DataError, match=r"1 of 2 shards are missing: model-00002-of-00002\.safetensors"):
        load(folder, small())


def test_a_truncated_shard_is_named(folder: Path) -> None:
    path = folder / "model-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(DataError, match=r"model-00002-of-00002\.safetensors: invalid safetensors file"):
        load(folder, small())


def test_foreign_keys_and_shapes_are_listed_before_anything_is_put_in(folder: Path) -> None:
    save_file({"two.weight": torch.ones(1, 4), "extra": torch.ones(1)}, folder / "model-00002-of-00002.safetensors")
    module = small()
    problems = r"1 missing: two\.bias; 1 unexpected: extra; 1 with a different shape: two\.weight"
    with pytest.raises(DataError, match=problems):
        load(folder, module)
    assert all(parameter.is_meta for parameter in module.parameters())


@pytest.mark.parametrize("index", ["{}", "[1]", "not json", '{"weight_map": {"one.weight": "../../passwd"}}'])
def test_a_broken_index_is_refused(folder: Path, index: str) -> None:
    (folder / "model.safetensors.index.json").write_text(index)
    with pytest.raises(DataError, match="invalid index of shards"):
        load(folder, small())


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    message = r"expected model\.safetensors\.index\.json or model\.safetensors, found neither"
    with pytest.raises(DataError, match=message):
        load(tmp_path, small())
