"""Readers refuse what is beyond their limits before they parse it."""

import zipfile
from pathlib import Path

import pytest

from mevis_bench.files import strict_yaml, tree
from mevis_bench.files.strict_yaml import parse_node, plain_value, read_node
from mevis_bench.files.tree import Folder, ZipFolder
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds


def test_large_files_of_a_folder_and_large_members_of_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(bytes(11))
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a", bytes(11))
    monkeypatch.setattr(tree, "BOUNDS", Bounds("", {"bytes": 10, "bytes of a zip member": 9}))
    with pytest.raises(DataError, match=r"/a: 11 bytes: expected at most 10"):
        Folder(tmp_path).read("a")
    with pytest.raises(DataError, match=r"a\.zip:a: 11 bytes of a zip member: expected at most 9"):
        ZipFolder(tmp_path / "a.zip").read("a")


def test_large_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (2**18 + 1))
    with pytest.raises(DataError, match=r"a\.yaml: 262145 bytes: expected at most 262144"):
        read_node(tmp_path / "a.yaml")


def test_deep_yaml() -> None:
    with pytest.raises(DataError, match=r"a\.yaml:1: invalid YAML: more than 32 levels of nesting"):
        parse_node("[" * 5000, "a.yaml")
    with pytest.raises(DataError, match=r"a\.yaml: 5001 brackets: expected at most 5000"):
        parse_node("[" * 5001, "a.yaml")


def test_aliases_that_multiply() -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(DataError, match=r"a\.yaml:3: invalid YAML: more than 16 aliases"):
        parse_node("\n".join(lines), "a.yaml")
    assert strict_yaml.parse_node("a: &a 1\nb: *a", "a.yaml") is not None


def test_an_alias_of_its_own_parent() -> None:
    with pytest.raises(DataError, match=r"a\.yaml:2: invalid YAML: alias 'a' of a value that it is part of"):
        parse_node("x: &a\n  y: [*a]", "a.yaml")


def test_long_integers_and_half_surrogates_of_yaml() -> None:
    with pytest.raises(DataError, match=r"a\.yaml:1: 5000 digits of an integer: expected at most 19"):
        plain_value(parse_node("x: " + "9" * 5000, "a.yaml"))
    with pytest.raises(DataError, match=r"a\.yaml:1: invalid YAML: half of a surrogate pair"):
        parse_node('x: "\\ud800"', "a.yaml")
