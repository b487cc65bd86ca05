"""Folders of weights as on huggingface.co: clear errors, memory that is checked before loading."""

import json
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from baselines.layers.checkpoints.pretrained import (
    check_memory,
    load_pretrained,
    numbered_words,
    read_tokenizer,
    weights_bytes,
)
from mevis_bench.records import DataError, DeviceMemoryError


def tiny() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(vocab_size=20, n_positions=8, n_embd=8, n_layer=1, n_head=1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny().save_pretrained(tmp_path)
    return tmp_path


def load(folder: Path) -> GPT2LMHeadModel:
    return load_pretrained(GPT2LMHeadModel, folder, precision="float32", device="cpu")


def test_a_saved_network_comes_back_in_evaluation_mode(folder: Path) -> None:
    loaded = load(folder)
    assert not loaded.training
    for name, value in tiny().state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_the_weights_bytes_follow_the_precision(folder: Path) -> None:
    count = sum(parameter.numel() for parameter in tiny().parameters())
    assert weights_bytes(folder, torch.float32) == 4 * count
    assert weights_bytes(folder, torch.bfloat16) == 2 * count


def spoil_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def cut_config(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_')


def remove_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def remove_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def other_sizes(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"n_embd": 16}))


def more_layers(folder: Path) -> None:
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | {"n_layer": 2}))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_config, "expected a network of type gpt2, got bert"),
        (cut_config, "cannot read config.json"),
        (remove_config, "config.json not found"),
        (remove_weights, "cannot load the weights"),
        (cut_weights, "invalid safetensors file"),
        (other_sizes, "cannot load the weights"),
        (more_layers, "keys of the network are missing"),
    ],
)
def test_a_spoiled_folder_is_refused(folder: Path, spoil, message: str) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=message):
        load(folder)


def test_too_little_memory_is_an_error_before_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (4_000_000_000, 8_000_000_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2_000_000_000)
    check_memory(3_000_000_000, "cuda:0")
    check_memory(30_000_000_000, "cpu")
    with pytest.raises(DeviceMemoryError, match=r"needs at least 4\.2 GB, cuda:0 has 4\.0 GB free") as caught:
        check_memory(3_500_000_000, "cuda:0")
    assert caught.value.fitting_bytes == 5_000_000_000


def test_a_folder_without_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read tokenizer"):
        read_tokenizer(tmp_path)


def test_numbered_words_depend_on_the_word_alone() -> None:
    first, second, third = numbered_words("Dog cat dog", 3, 10)
    assert first == third
    assert {first, second} <= set(range(3, 10))
    assert len(set(numbered_words(" ".join("abcdefgh"), 3, 1000))) == 8
    assert numbered_words("", 3, 10) == []
