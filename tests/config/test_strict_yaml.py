"""Every fault of a configuration is named with its file and line."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from mevis_bench.config.typed import read_config
from mevis_bench.records import DataError, UsageError


@dataclass(frozen=True)
class Inner:
    rate: float
    name: str = "n"


@dataclass(frozen=True)
class Outer:
    size: int
    flag: bool
    kind: Literal["a", "b"]
    sizes: tuple[int, ...]
    inner: Inner
    many: Mapping[str, Inner]
    path: Path | None = None
    free: object = None


GOOD = """\
size: 3
flag: true
kind: a
sizes: [1, 2]
inner:
  rate: 1e-4
many:
  x: {rate: 2}
path: ~
free: {off: [1, 2.5, null, no, "3"]}
"""


def _read(tmp_path: Path, text: str, *settings: str) -> Outer:
    file = tmp_path / "c.yaml"
    file.write_text(text)
    return read_config(file, Outer, settings)


def test_reads_every_kind(tmp_path: Path) -> None:
    assert _read(tmp_path, GOOD) == Outer(
        3, True, "a", (1, 2), Inner(1e-4), {"x": Inner(2.0)}, None, {"off": [1, 2.5, None, "no", "3"]}
    )


@pytest.mark.parametrize(
    ("old", "new", "location", "what", "hint"),
    [
        ("size: 3", "sise: 3", ":1", "unknown key 'sise'", "Did you mean 'size'? Known: size, flag, kind"),
        ("flag: true\n", "", ":1", "key 'flag' is missing", None),
        ("flag: true", "flag: yes", ":2", "'flag' must be true or false, not 'yes'", None),
        ("size: 3", "size: 3.5", ":1", "'size' must be a whole number, not '3.5'", None),
        ("size: 3", "size: '3'", ":1", "'size' must be a whole number, not '3'", None),
        ("kind: a", "kind: c", ":3", "'kind' must be one of a, b, not 'c'", None),
        ("rate: 1e-4", "rate: fast", ":6", "'rate' must be a number, not 'fast'", None),
        ("sizes: [1, 2]", "sizes: [1, x]", ":4", "'sizes[1]' must be a whole number, not 'x'", None),
        ("sizes: [1, 2]", "sizes: 1", ":4", "'sizes' must be a list, not '1'", None),
        ("x: {rate: 2}", "x: [2]", ":8", "'x' must be a mapping, not a list", None),
        ("path: ~", "size: 4", ":9", "key 'size' stands here twice (first in line 1)", None),
        ("path: ~", "path: !!python/object:os.system {}", ":9", "'path' must be a path, not a mapping", None),
        ("free: {", "free: !!python/name:os.system {", None, None, None),
        ("free: {off", "free: [{off", ":11", "no valid YAML", None),
    ],
)
def test_faults_name_file_line_and_key(tmp_path, old, new, location, what, hint) -> None:
    if what is None:
        # A tag on a mapping is not looked at: it stays a plain mapping, no code is named.
        assert _read(tmp_path, GOOD.replace(old, new)).free == {"off": [1, 2.5, None, "no", "3"]}
        return
    with pytest.raises(DataError) as caught:
        _read(tmp_path, GOOD.replace(old, new))
    assert caught.value.location == f"{tmp_path / 'c.yaml'}{location}"
    assert caught.value.message.startswith(what)
    assert (caught.value.hint or "").startswith(hint or "")


def test_missing_and_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nothing\.yaml: no such file"):
        read_config(tmp_path / "nothing.yaml", Outer)
    with pytest.raises(DataError, match=r"c\.yaml: is empty"):
        _read(tmp_path, "# only words\n")


def test_settings_go_over_the_file(tmp_path: Path) -> None:
    got = _read(tmp_path, GOOD, "inner.rate=3", "sizes=[7]", "path=a/b", "size=5", "size=6")
    assert _read(tmp_path, GOOD, "inner.name=3.10").inner.name == "3.10"
    assert (got.inner.rate, got.sizes, got.path, got.size) == (3.0, (7,), Path("a/b"), 6)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("inner.rat=3", "--set inner.rat=3: unknown key 'rat'\nDid you mean 'rate'? Known: rate, name"),
        ("size=big", "--set size=big: 'size' must be a whole number, not 'big'"),
        ("size.a=1", "--set size.a=1: 'a' can't be set: there are no keys here"),
        ("size", "'--set size' is not of the form key=value\nFor example --set method.seed=1"),
        ("a..b=1", "'--set a..b=1' is not of the form key=value\nFor example --set method.seed=1"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        _read(tmp_path, GOOD, setting)
    assert str(caught.value) == message
