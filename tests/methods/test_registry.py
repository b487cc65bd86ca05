"""Methods are found without importing them, and a broken one is listed with its reason."""

import sys
from pathlib import Path

import pytest

from mevis_bench.methods.registry import find_methods
from mevis_bench.records import MethodError, UsageError
from tests.fixtures.method_folders import METHOD_SPEC, write_method_folder


def test_built_in_methods_are_found_and_none_is_imported() -> None:
    before = set(sys.modules)
    registry = find_methods()
    assert registry.methods["empty"].package == "baselines.empty"
    assert registry.broken == ()
    assert not [name for name in set(sys.modules) - before if name.startswith("baselines")]


def test_method_dir_and_choice_of_variant(tmp_path: Path) -> None:
    write_method_folder(tmp_path, "mine")
    registry = find_methods([tmp_path])
    assert registry.resolve("mine").name == "mine:small"
    assert registry.resolve("mine:large").name == "mine:large"
    assert registry.resolve("mine", "large").name == "mine:large"
    assert registry.resolve("mine").method.origin == f"--method-dir {tmp_path}"


@pytest.mark.parametrize(
    ("name", "variant", "message"),
    [
        ("mini", None, "method 'mini' not found\nDid you mean 'mine'? Known: "),
        ("mine:lage", None, "method 'mine' has no variant 'lage'\nDid you mean 'large'? Known: small, large"),
        ("mine:large", "small", "two different variants: 'large' (in the name) and 'small' (--variant)"),
    ],
)
def test_errors_for_wrong_names_suggest_one(tmp_path: Path, name: str, variant: str | None, message: str) -> None:
    write_method_folder(tmp_path, "mine")
    with pytest.raises(UsageError) as caught:
        find_methods([tmp_path]).resolve(name, variant)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("title: Mine\n", "titel: Mine\n", "method.yaml:2: unknown key 'titel'\nDid you mean 'title'?"),
        ("name: {name}", "name: other", "method.yaml: 'name': expected the folder's name 'mine', got 'other'"),
        (
            "tasks: [rvos]\nvariants",
            "tasks: [rmot]\nvariants",
            "variant 'small': task rvos is missing",
        ),
        ("  large:", "  large-oracle:", "'large-oracle': oracle_text requires 'oracle' in the name and tasks [avos]"),
        (
            "    notes: nothing\n  large",
            "    notes: nothing\n    oracle_text: true\n  large",
            "'small': oracle_text requires",
        ),
        ("tasks: [rvos]\nvariants", "tasks: [rwos]\nvariants", "'tasks[0]': expected one of rvos, avos, rmot, rmeg"),
        ("small.safetensors", "../small.safetensors", "invalid weights file '../small.safetensors'"),
        (
            "sha256: null",
            "sha256: abc",
            "weights.model.sha256': expected 64 hexadecimal digits, got 'abc'",
        ),
        ("provenance: official", "provenance: me", "expected one of official, trained-here, got 'me'"),
    ],
)
def test_broken_methods_are_listed_with_their_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in METHOD_SPEC
    write_method_folder(tmp_path, "mine", METHOD_SPEC.replace(old, new))
    registry = find_methods([tmp_path])
    (broken,) = registry.broken
    assert (broken.name, broken.origin) == ("mine", f"--method-dir {tmp_path}")
    assert reason in broken.reason
    assert "empty" in registry.methods
    with pytest.raises(MethodError, match="method 'mine' is broken: "):
        registry.resolve("mine")


def test_a_method_without_code_is_broken(tmp_path: Path) -> None:
    (write_method_folder(tmp_path, "mine") / "method.py").unlink()
    (broken,) = find_methods([tmp_path]).broken
    assert broken.reason == f"{tmp_path / 'mine'}: method.py not found next to method.yaml"


def test_a_name_taken_twice_names_both_places(tmp_path: Path) -> None:
    one, two = write_method_folder(tmp_path / "a", "mine"), write_method_folder(tmp_path / "b", "mine")
    registry = find_methods([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(MethodError) as caught:
        registry.resolve("mine")
    assert str(one) in str(caught.value)
    assert str(two) in str(caught.value)


def test_a_missing_method_dir_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find_methods([tmp_path / "none"])
    assert str(caught.value) == f"--method-dir {tmp_path / 'none'}: no such folder"


def test_entry_points_are_found_without_import(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "their_package"
    write_method_folder(package, "theirs")
    for folder in (package, package / "theirs"):
        (folder / "__init__.py").write_text("raise RuntimeError('imported')\n")
    info = tmp_path / "their_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[mevis_bench.methods]\n"
        "theirs = their_package.theirs\n"
        "gone = their_package.gone\n"
        "absent = no_such_package_at_all\n"
        "misnamed = their_package.theirs\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    registry = find_methods()
    assert registry.methods["theirs"].package == "their_package.theirs"
    assert registry.methods["theirs"].origin == "package their-package"
    assert {entry.name: entry.reason for entry in registry.broken} == {
        "absent": "its entry point names 'no_such_package_at_all', which is not a package",
        "gone": "its entry point names 'their_package.gone', which is not a package",
        "misnamed": "its entry point's name must be 'theirs', its folder's",
    }
