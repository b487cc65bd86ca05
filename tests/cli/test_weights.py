"""``mevis-bench weights``: missing files are listed, added ones are checked and read without running their code."""

import json
import pickle
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.weights import locate_weights, parse_weights, sha256
from mevis_bench.records import ExitCode
from tests.fixtures.method_folders import METHOD_SPEC, write_method_folder

torch = pytest.importorskip("torch")


FAKE_METHOD = """
from safetensors.torch import load_file

from mevis_bench.records import DataError


class Method:
    def predict(self, video, prompts):
        yield from ()

    def close(self):
        pass


def load(config):
    path = config.weights["model"]
    if "other.weight" in load_file(path):
        raise DataError("unexpected keys: other.weight", location=f"{path}", hint="It is of another model.")
    return Method()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (write_method_folder(tmp_path / "methods", "mine") / "method.py").write_text(FAKE_METHOD)
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("MEVIS_BENCH_METHOD_DIR", str(tmp_path / "methods"))
    monkeypatch.setenv("MEVIS_BENCH_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _row(capsys) -> dict[str, object]:
    assert main(["weights", "list", "mine", "--json"]) == ExitCode.OK
    (row,) = json.loads(capsys.readouterr().out)
    return row


@pytest.mark.parametrize("entry", [None, "model", "state_dict"])
def test_a_training_checkpoint_becomes_safetensors_once(place: Path, capsys, entry: str | None) -> None:
    from safetensors.torch import load_file

    shared = torch.arange(4.0)
    tensors = {"a.weight": shared, "b.weight": shared}
    torch.save(tensors if entry is None else {entry: tensors, "epoch": 3}, "theirs.pth")
    assert _row(capsys)["state"] == "missing"
    assert main(["weights", "add", "mine", "theirs.pth"]) == ExitCode.OK
    stored = place / "store" / "mine" / "small.safetensors"
    assert f"mine:small model: {stored}" in capsys.readouterr().err
    loaded = load_file(stored)
    assert sorted(loaded) == ["a.weight", "b.weight"]
    assert loaded["b.weight"].tolist() == [0, 1, 2, 3]
    assert _row(capsys)["state"] == "in store"


def test_a_known_hash_is_that_of_the_authors_file(place: Path, capsys) -> None:
    torch.save({"w": torch.ones(2)}, "theirs.pth")
    spec = METHOD_SPEC.replace("sha256: null", f"sha256: '{sha256(Path('theirs.pth'))}'")
    (place / "methods" / "mine" / "method.yaml").write_text(spec.format(name="mine"))
    torch.save({"w": torch.zeros(2)}, "others.pth")
    assert main(["weights", "add", "mine", "others.pth"]) == ExitCode.USAGE
    assert "error: others.pth: not the expected file: sha256 is " in capsys.readouterr().err
    assert main(["weights", "add", "mine", "theirs.pth"]) == ExitCode.OK
    resolved = find_methods([place / "methods"]).resolve("mine")
    located = locate_weights(resolved, parse_weights([str(place / "store")]))
    stored = place / "store" / "mine" / "small.safetensors"
    assert located == {"model": stored}
    stored.write_bytes(stored.read_bytes() + b"x")
    with pytest.raises(Exception, match="not the expected file"):
        locate_weights(resolved, parse_weights([str(place / "store")]))


def test_a_file_of_another_model_is_refused_and_what_was_there_stays(place: Path, capsys) -> None:
    torch.save({"a.weight": torch.ones(2)}, "mine.pth")
    torch.save({"other.weight": torch.ones(2)}, "other.pth")
    assert main(["weights", "add", "mine", "mine.pth"]) == ExitCode.OK
    stored = place / "store" / "mine" / "small.safetensors"
    before = stored.read_bytes()
    capsys.readouterr()
    assert main(["weights", "add", "mine", "other.pth"]) == ExitCode.USAGE
    assert capsys.readouterr().err == ("error: other.pth: unexpected keys: other.weight\nIt is of another model.\n")
    assert stored.read_bytes() == before
    assert sorted(path.name for path in stored.parent.iterdir()) == [stored.name, f"{stored.name}.origin.json"]


def test_a_full_disk_is_one_error(place: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    from safetensors import SafetensorError

    def full(*arguments: object) -> None:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    torch.save({"weight": torch.zeros(2)}, "mine.pth")
    monkeypatch.setattr("safetensors.torch.save_file", full)
    assert main(["weights", "add", "mine", "mine.pth"]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith("error: the disk is full\nFree some space. ")
    assert list((place / "store").rglob("*.safetensors")) == []


def test_incomplete_weights_are_reported(place: Path, capsys) -> None:
    path = place / "methods" / "mine" / "method.yaml"
    first = "      model: {file: small.safetensors"
    line = next(line for line in path.read_text().splitlines() if line.startswith(first))
    path.write_text(
        path.read_text().replace(line, line + "\n" + line.replace("model:", "words:").replace("small", "w"))
    )
    torch.save({"other.weight": torch.ones(2)}, "theirs.pth")
    assert main(["weights", "add", "mine", "model=theirs.pth"]) == ExitCode.OK
    assert "not loaded yet: mine:small also needs words" in capsys.readouterr().err
    assert main(["weights", "add", "mine", "words=theirs.pth"]) == ExitCode.USAGE
    assert "unexpected keys: other.weight" in capsys.readouterr().err


class _Bomb:
    def __reduce__(self):
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize("name", ["bomb.pth", "bomb.pkl"])
def test_a_file_with_code_inside_is_refused_and_not_run(place: Path, capsys, name: str) -> None:
    Path(name).write_bytes(pickle.dumps({"model": _Bomb()}))
    assert main(["weights", "add", "mine", name]) == ExitCode.USAGE
    assert "the file contains Python objects besides tensors, which may be code, so it is not loaded" in (
        capsys.readouterr().err
    )
    assert not Path("exploded").exists()
    assert not (place / "store" / "mine" / "small.safetensors").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mine", "nowhere.pth"], "error: nowhere.pth: no such file or folder\n"),
        (["mine", "other=here"], "error: mine:small has no weights 'other'\nKnown: model\n"),
        (["mine:large", "here"], "error: mine:large has 0 weights files: give NAME=FILE\nKnown: none\n"),
        (["mine", "here"], "error: here: not a checkpoint, or truncated\n"),
    ],
)
def test_usage_errors(place: Path, capsys, words: list[str], message: str) -> None:
    Path("here").write_bytes(b"PK\x03\x04 cut")
    assert main(["weights", "add", *words]) == ExitCode.USAGE
    assert capsys.readouterr().err.startswith(message)


def test_the_list_says_where_missing_weights_come_from(place: Path, capsys) -> None:
    assert main(["weights", "list"]) == ExitCode.OK
    output = capsys.readouterr().out
    assert "the authors' page" in output
    assert "missing" in output
