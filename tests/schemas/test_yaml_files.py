"""Errors of a YAML file name file, line and key."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
from msgspec import Meta

from mevis_bench.records import DataError, UsageError
from mevis_bench.records.errors import RenamedFieldWarning
from mevis_bench.schemas.yaml_files import read_yaml


@dataclass(frozen=True)
class Inner:
    rate: float
    name: str = "n"
    color: str = "red"

    renamed_fields: ClassVar[Mapping[str, str]] = {"colour": "color"}


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
    count: Annotated[int, Meta(ge=1)] | None = None


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
    return read_yaml(file, Outer, settings)


def test_every_field_type(tmp_path: Path) -> None:
    assert _read(tmp_path, GOOD) == Outer(
        3, True, "a", (1, 2), Inner(1e-4), {"x": Inner(2.0)}, None, {"off": [1, 2.5, None, "no", "3"]}
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "message", "hint"),
    [
        ("size: 3", "sise: 3", ":1", "unknown key 'sise'", "Did you mean 'size'? Known: size, flag, kind"),
        ("rate: 1e-4", "rat: 1e-4", ":6", "unknown key 'inner.rat'", "Did you mean 'rate'? Known: rate, name"),
        ("flag: true\n", "", ":1", "missing key 'flag'", None),
        ("x: {rate: 2}", "x: {name: m}", ":8", "missing key 'many.x.rate'", None),
        ("flag: true", "flag: yes", ":2", "'flag': expected true or false, got 'yes'", None),
        ("size: 3", "size: 3.5", ":1", "'size': expected an integer, got 3.5", None),
        ("size: 3", "size: '3'", ":1", "'size': expected an integer, got '3'", None),
        ("size: 3", "size: true", ":1", "'size': expected an integer, got true", None),
        ("size: 3", "size: ~", ":1", "'size': expected an integer, got null", None),
        ("kind: a", "kind: c", ":3", "'kind': expected one of a, b, got 'c'", None),
        ("rate: 1e-4", "rate: fast", ":6", "'inner.rate': expected a number, got 'fast'", None),
        ("rate: 1e-4", "rate: .nan", ":6", "'inner.rate': expected a finite number, got nan", None),
        ("rate: 1e-4", "rate: -.inf", ":6", "'inner.rate': expected a finite number, got -inf", None),
        ("rate: 1e-4", "rate: 1e999", ":6", "'inner.rate': expected a finite number, got inf", None),
        ("sizes: [1, 2]", "sizes: [1, x]", ":4", "'sizes[1]': expected an integer, got 'x'", None),
        ("sizes: [1, 2]", "sizes: 1", ":4", "'sizes': expected a list, got 1", None),
        ("x: {rate: 2}", "x: [2]", ":8", "'many.x': expected a mapping, got a list", None),
        (
            "x: {rate: 2}",
            "x: {rate: 2}\n  y: {rate: []}",
            ":9",
            "'many.y.rate': expected a number, got an empty list",
            "",
        ),
        ("path: ~", "size: 4", ":9", "duplicate key 'size' (first in line 1)", None),
        ("path: ~", "path: !!python/object:os.system {}", ":9", "'path': expected a path, got a mapping", None),
        (
            "free: {",
            "free: {a: !!python/name:os.system x, ",
            ":10",
            "tag 'tag:yaml.org,2002:python/name:os.system' is",
            "",
        ),
        ("path: ~", "count: 0", ":9", "'count': expected an integer >= 1, got 0", None),
        ("free: {off", "free: [{off", ":11", "invalid YAML", None),
    ],
)
def test_an_error_names_file_line_and_key(
    tmp_path: Path, old: str, new: str, line: str, message: str, hint: str | None
) -> None:
    with pytest.raises(DataError) as caught:
        _read(tmp_path, GOOD.replace(old, new))
    assert caught.value.location == f"{tmp_path / 'c.yaml'}{line}"
    assert caught.value.message.startswith(message)
    assert (caught.value.hint or "").startswith(hint or "")


def test_a_tag_on_a_mapping_names_no_code(tmp_path: Path) -> None:
    text = GOOD.replace("free: {", "free: !!python/name:os.system {")
    assert _read(tmp_path, text).free == {"off": [1, 2.5, None, "no", "3"]}


def test_missing_and_empty_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.yaml: no such file"):
        read_yaml(tmp_path / "absent.yaml", Outer)
    with pytest.raises(DataError, match=r"c\.yaml: the file is empty"):
        _read(tmp_path, "# only a comment\n")


def test_a_file_that_is_a_list(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"c\.yaml:1: expected a mapping, got a list"):
        _read(tmp_path, "[1]\n")


def test_settings_go_over_the_file(tmp_path: Path) -> None:
    config = _read(tmp_path, GOOD, "inner.rate=3", "sizes=[7]", "path=a/b", "size=5", "size=6")
    assert (config.inner.rate, config.sizes, config.path, config.size) == (3.0, (7,), Path("a/b"), 6)


@pytest.mark.parametrize("text", ["3.10", "1e5", "007", "0123456789"])
def test_a_number_stays_as_written_where_text_is_expected(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, GOOD, f"inner.name={text}").inner.name == text
    assert _read(tmp_path, GOOD, f"path={text}").path == Path(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("inner.rat=3", "--set inner.rat=3: unknown key 'inner.rat'\nDid you mean 'rate'? Known: rate, name, color"),
        ("size=big", "--set size=big: 'size': expected an integer, got 'big'"),
        ("size.a=1", "--set size.a=1: cannot set 'a': its parent is not a mapping"),
        ("size", "'--set size': expected key=value\nFor example --set method.seed=1"),
        ("a..b=1", "'--set a..b=1': expected key=value\nFor example --set method.seed=1"),
    ],
)
def test_an_error_names_the_setting(tmp_path: Path, setting: str, message: str) -> None:
    with pytest.raises((DataError, UsageError)) as caught:
        _read(tmp_path, GOOD, setting)
    assert str(caught.value) == message


def test_a_renamed_field_is_read_with_a_warning(tmp_path: Path) -> None:
    text = GOOD.replace("rate: 1e-4", "rate: 1e-4\n  colour: blue")
    with pytest.warns(RenamedFieldWarning, match=r"c\.yaml:7: 'colour' is now called 'color'"):
        assert _read(tmp_path, text).inner.color == "blue"
    with pytest.warns(RenamedFieldWarning, match=r"^--set inner.colour=blue: 'colour' is now called 'color'"):
        assert _read(tmp_path, GOOD, "inner.colour=blue").inner.color == "blue"


def test_a_renamed_field_beside_its_new_name(tmp_path: Path) -> None:
    text = GOOD.replace("rate: 1e-4", "rate: 1e-4\n  colour: blue\n  color: red")
    with pytest.raises(DataError, match=r"c\.yaml:7: duplicate key 'inner\.color': 'colour' is its old name"):
        _read(tmp_path, text)
