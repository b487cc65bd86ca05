"""Weights are found where they should be, checked, and errors for missing ones name their source."""

from pathlib import Path

import pytest

from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.methods.weights import locate_weights, parse_weights, provenance, sha256, weights_state
from mevis_bench.records import DataError, MissingWeightsError, UsageError
from tests.fixtures.method_folders import METHOD_SPEC, write_method_folder


def _choose(folder: Path, spec: str = METHOD_SPEC, name: str = "mine") -> ResolvedMethod:
    write_method_folder(folder, "mine", spec)
    return find_methods([folder]).resolve(name)


def test_missing_weights_say_which_from_where_and_what_else(tmp_path: Path) -> None:
    chosen = _choose(tmp_path / "m")
    store = tmp_path / "store"
    store.mkdir()
    choice = parse_weights([str(store)])
    assert weights_state(chosen, store) == "missing"
    with pytest.raises(MissingWeightsError) as caught:
        locate_weights(chosen, choice)
    assert str(caught.value) == (
        "the weights 'model' of mine:small are not on this machine\n"
        "From:    the authors' page (license: MIT)\n"
        f"Put to:  {store / 'mine' / 'small.safetensors'}\n"
        "     or  mevis-bench weights add mine FILE\n"
        "Or run with seeded random weights: --weights untrained"
    )


def test_shipped_weights_come_before_the_store_and_named_files_before_both(tmp_path: Path) -> None:
    chosen = _choose(tmp_path / "m")
    store = tmp_path / "store"
    stored = store / "mine" / "small.safetensors"
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"stored")
    assert weights_state(chosen, store) == "in store"
    assert locate_weights(chosen, parse_weights([str(store)])) == {"model": stored}
    shipped = chosen.method.folder / "weights" / "small.safetensors"
    shipped.parent.mkdir()
    shipped.write_bytes(b"shipped")
    assert weights_state(chosen, store) == "shipped"
    assert locate_weights(chosen, parse_weights([str(store)])) == {"model": shipped}
    own = tmp_path / "own.safetensors"
    own.write_bytes(b"own")
    assert locate_weights(chosen, parse_weights([str(own)])) == {"model": own}
    assert locate_weights(chosen, parse_weights([f"model={own}"])) == {"model": own}
    assert provenance(chosen) == "official"


def test_untrained_is_none_and_a_method_without_weights_gets_an_empty_mapping(tmp_path: Path) -> None:
    untrained = parse_weights(["untrained"])
    assert locate_weights(_choose(tmp_path), untrained) is None
    large = find_methods([tmp_path]).resolve("mine:large")
    assert locate_weights(large, untrained) == {}
    assert weights_state(large, tmp_path) == "none needed"
    assert provenance(large) == "heuristic"


def test_a_file_of_another_hash_is_refused(tmp_path: Path) -> None:
    chosen = _choose(tmp_path / "m", METHOD_SPEC.replace("sha256: null", f"sha256: {'0' * 64}"))
    file = chosen.method.folder / "weights" / "small.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        locate_weights(chosen, parse_weights([]))
    assert str(caught.value) == (
        f"{file}: not the expected file: sha256 is {sha256(file)}, expected {'0' * 64}\nGet it again: the authors' page"
    )


def test_wrong_words_for_weights(tmp_path: Path) -> None:
    chosen = _choose(tmp_path)
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(UsageError, match="no such file or folder"):
        parse_weights(["nowhere.pt"])
    with pytest.raises(UsageError, match="--weights untrained and --weights FILE exclude each other"):
        parse_weights(["untrained", str(file)])
    with pytest.raises(UsageError, match="mine:small has no weights file 'modle'\nDid you mean 'model'"):
        locate_weights(chosen, parse_weights([f"modle={file}"]))


def test_hash_of_a_folder_depends_on_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "a").write_bytes(b"1")
    first = sha256(tmp_path / "f")
    (tmp_path / "f" / "a").rename(tmp_path / "f" / "b")
    assert sha256(tmp_path / "f") != first


def test_weights_of_another_method_are_found_where_their_owner_keeps_them(tmp_path: Path) -> None:
    write_method_folder(tmp_path / "m", "owner")
    shared = METHOD_SPEC.replace("file: small.safetensors", "file: small.safetensors, owner: owner")
    chosen = _choose(tmp_path / "m", shared)
    store = tmp_path / "store"
    store.mkdir()
    choice = parse_weights([str(store)])
    with pytest.raises(MissingWeightsError, match=r"(?s)owner/small.safetensors\n.*weights add owner FILE"):
        locate_weights(chosen, choice)
    stored = store / "owner" / "small.safetensors"
    stored.parent.mkdir()
    stored.write_bytes(b"stored")
    assert (weights_state(chosen, store), locate_weights(chosen, choice)) == ("in store", {"model": stored})
    shipped = tmp_path / "m" / "owner" / "weights" / "small.safetensors"
    shipped.parent.mkdir()
    shipped.write_bytes(b"shipped")
    assert (weights_state(chosen, store), locate_weights(chosen, choice)) == ("shipped", {"model": shipped})
