"""JSON of others: what plain ``json`` would accept or change silently is refused with its place."""

import re
from pathlib import Path

import pytest

from mevis_bench.files import strict_json
from mevis_bench.files.strict_json import expect_type, parse_json, read_json
from mevis_bench.records import DataError
from mevis_bench.records.bounds import Bounds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": 1, "a": 2}', "duplicate key 'a'"),
        (b'{"b": {"a": 1, "c": 0, "a": 2}}', "duplicate key 'a'"),
        (b"[1, ]", "invalid JSON: Expecting value: line 1 column 5 (char 4)"),
        (b"", "invalid JSON: Expecting value: line 1 column 1 (char 0)"),
        (b'{"a": [1', "invalid JSON: Expecting ',' delimiter: line 1 column 9 (char 8)"),
        (b"[NaN]", "invalid JSON: NaN is not a JSON number"),
        (b"[-Infinity]", "invalid JSON: -Infinity is not a JSON number"),
        (b"[" * 100_000, "invalid JSON: nested too deeply"),
        (b"1" * 5000, "invalid JSON: an integer of 5000 digits: expected at most 19"),
        (b'["\xff"]', "invalid UTF-8: invalid start byte at byte 2"),
        ('["a"]'.encode("utf-16"), "invalid UTF-8: invalid start byte at byte 0"),
    ],
)
def test_other_than_strict_json_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_json(text, "x.json")
    assert str(caught.value).startswith(f"x.json: {message}")


def test_json_with_a_byte_order_mark_and_equal_keys_of_different_objects() -> None:
    assert parse_json(b'\xef\xbb\xbf[{"a": 1}, {"a": 1e3}]', "x") == [{"a": 1}, {"a": 1000.0}]


def test_duplicate_keys_can_be_reported_instead(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}')
    keys: list[str] = []
    assert read_json(path, keys.append) == {"a": 3, "b": {"c": 2}}
    assert keys == ["c", "a"]


def test_a_missing_and_an_oversized_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(DataError, match=r"x\.json: cannot be read: No such file or directory"):
        read_json(path)
    path.write_text("[1]")
    monkeypatch.setattr(strict_json, "BOUNDS", Bounds("", {"bytes": 2}))
    with pytest.raises(DataError, match=r"x\.json: 3 bytes: expected at most 2"):
        read_json(path)


def test_expected_types() -> None:
    assert expect_type([1], list, "x") == [1]
    for value, expected, message in (
        (True, int, "expected an integer, got true"),
        ("1", int, 'expected an integer, got "1"'),
        (None, dict, "expected an object, got null"),
        ({"a": "b" * 100}, list, 'expected an array, got {"a": "bbb'),
    ):
        with pytest.raises(DataError) as caught:
            expect_type(value, expected, "x")
        assert caught.value.message.startswith(message)
        assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 65 + "]" * 65, "65 levels of nesting: expected at most 64"),
        ('{"a":' * 500 + "1" + "}" * 500, "65 levels of nesting: expected at most 64"),
        ("9" * 20, "invalid JSON: an integer of 20 digits: expected at most 19"),
        ("[1, -" + "9" * 5000 + "]", "invalid JSON: an integer of 5000 digits: expected at most 19"),
        ("1e999", "invalid JSON: 1e999 is too large"),
        ("[-1E400]", "invalid JSON: -1E400 is too large"),
        ('{"a": "\\ud800"}', "invalid text: half of a surrogate pair"),
        ('{"\\udfff": 1}', "invalid text: half of a surrogate pair"),
    ],
)
def test_what_is_beyond_the_limits_is_refused(text: str, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        parse_json(text, "a.json")


def test_what_is_within_the_limits_is_read() -> None:
    assert parse_json("[" * 64 + "]" * 64, "a.json")
    assert parse_json('["\\ud83d\\ude00", 1e99, 9223372036854775807]', "a.json") == ["\U0001f600", 1e99, 2**63 - 1]
