import argparse
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from mevis_bench.records import DataError

STATE = {"a.weight": torch.ones(2, 3), "b": torch.zeros(4)}


class Evil:
    def __reduce__(self):
        return print, ("code in a checkpoint was run",)


def equal(got, expected):
    return got.keys() == expected.keys() and all(torch.equal(got[key], expected[key]) for key in expected)


def test_reads_bare_wrapped_and_safetensors(tmp_path):
    torch.save(STATE, tmp_path / "bare.pth")
    torch.save({"model": STATE, "iteration": 3, "optimizer": {"state": {}}}, tmp_path / "wrapped.pth")
    save_file(STATE, tmp_path / "plain.safetensors")
    assert equal(read_tensors(tmp_path / "bare.pth", entry="model"), STATE)
    assert equal(read_tensors(tmp_path / "wrapped.pth", entry="model"), STATE)
    assert equal(read_tensors(tmp_path / "plain.safetensors"), STATE)


def test_a_namespace_is_read_only_where_allowed(tmp_path):
    path = tmp_path / "detr.pth"
    torch.save({"model": STATE, "args": argparse.Namespace(lr=0.1)}, path)
    assert equal(read_tensors(path, entry="model", namespace=True), STATE)
    with pytest.raises(DataError, match="contains Python objects besides"):
        read_tensors(path, entry="model")


def test_code_is_not_run(tmp_path, capsys):
    torch.save({"model": STATE, "hook": Evil()}, tmp_path / "evil.pth")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps({"model": Evil()}))
    for name in ("evil.pth", "evil.pkl"):
        with pytest.raises(DataError, match="which may be code, so it is not loaded"):
            read_tensors(tmp_path / name, entry="model", namespace=True)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kept", [0, 10, 200, 900])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files(tmp_path, kept, suffix):
    path = tmp_path / f"cut{suffix}"
    save_file(STATE, path) if suffix == ".safetensors" else torch.save(STATE, path)
    path.write_bytes(path.read_bytes()[: min(kept, path.stat().st_size - 1)])
    with pytest.raises(DataError, match=r"truncated|invalid safetensors file"):
        read_tensors(path)


def test_other_files(tmp_path):
    (tmp_path / "page.pth").write_text("<html>Sign in to download</html>")
    with pytest.raises(DataError, match="not a checkpoint, or truncated"):
        read_tensors(tmp_path / "page.pth")
    with pytest.raises(DataError, match="file not found"):
        read_tensors(tmp_path / "absent.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(DataError, match="expected named tensors, got a list"):
        read_tensors(tmp_path / "list.pth")
    torch.save({"model": {"epoch": 3}}, tmp_path / "none.pth")
    with pytest.raises(DataError, match="contains no named tensors"):
        read_tensors(tmp_path / "none.pth", entry="model")


def test_matching_returns_the_models_keys():
    model = nn.Linear(3, 2)
    state = {**model.state_dict(), "criterion.weight": torch.ones(1)}
    assert match_keys(state, model, location="f", ignored=["criterion.weight"]).keys() == {"weight", "bias"}


def test_a_mismatch_lists_ten_keys_of_each_kind():
    model = nn.ModuleList(nn.Linear(2, 2, bias=False) for _ in range(12))
    state = {f"old.{i}": torch.ones(1) for i in range(11)}
    with pytest.raises(DataError) as caught:
        match_keys(state, model, location="file.pth")
    text = str(caught.value)
    assert text.startswith("file.pth: the file does not match this model: 12 missing: 0.weight, 1.weight,")
    assert "9.weight, ...; 11 unexpected: old.0, old.1," in text
    assert "10.weight" not in text
    assert "old.10" not in text


def test_a_mismatch_names_shapes():
    state = {"weight": torch.ones(2, 5), "bias": torch.ones(2)}
    with pytest.raises(DataError, match=r"1 with a different shape: weight \(2, 5\) instead of \(2, 3\)"):
        match_keys(state, nn.Linear(3, 2), location="f")
