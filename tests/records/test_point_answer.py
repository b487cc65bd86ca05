"""Answers in points: both syntaxes, cut and senseless ones, files with errors that name the place."""

import json
from pathlib import Path

import pytest

from mevis_bench.records import DataError
from mevis_bench.records.point_answer import find_answer, parse_points, read_point_answers

CASES = [
    ('<tracks coords="0.0 1 500 250; 1.0 1 510 260 2 0 1000">two dogs</tracks>', False,
     {0: {"1": (100.0, 25.0)}, 6: {"1": (102.0, 26.0), "2": (0.0, 100.0)}}),
    ("<points coords='0.5 0.0 100.0 200.9'>", False, {3: {"0": (20.0, 20.0)}}),
    ('<tracks coords="0.0 1 500 250; 1.0 1 510 260 2 30', True,
     {0: {"1": (100.0, 25.0)}, 6: {"1": (102.0, 26.0)}}),
    ('<tracks coords="0.0 1 500 250; 1.0 1 510 2', True, {0: {"1": (100.0, 25.0)}, 6: {"1": (102.0, 0.2)}}),
    ('<tracks coords="0 1 500 250 1 700 700">', False, {0: {"1": (100.0, 25.0)}}),
    ('<tracks coords="0 1 1500 250 2 10 20">', False, {0: {"2": (2.0, 2.0)}}),
    ('<tracks coords="0 one 500 250; 1 1 10 10">', False, {6: {"1": (2.0, 1.0)}}),
    ("time 0.5\n{0: [50, 25, 'no'], 1: (10, 10)}\ntime 1\n{1: [100, 100]}", False,
     {3: {"0": (100.0, 25.0), "1": (20.0, 10.0)}, 6: {"1": (200.0, 100.0)}}),
    ("time 1\n{1: [101, 5], 2: [1..2, 5]}", False, {}),
    ("I see none.", False, {}),
    ("", False, {}),
    ('<tracks coords="">', False, {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "is_cut", "points"), CASES)
def test_points_are_read_and_the_rest_is_left_out(text: str, is_cut: bool, points: dict) -> None:
    read = parse_points(text, width=200, height=100, fps=6.0)
    assert read.is_cut == is_cut
    assert list(read.points) == list(points)
    for frame, named in points.items():
        assert list(read.points[frame]) == list(named)
        for name, point in named.items():
            assert read.points[frame][name] == pytest.approx(point)


RECORD = {
    "video": "v", "expression": "the dog", "height": 100, "width": 200, "fps": 6, "qid": "3",
    "prediction": '<tracks coords="0 1 500 250">',
}  # fmt: skip


def write(folder: Path, value: object) -> Path:
    path = folder / "answers.json"
    path.write_text(json.dumps(value))
    return path


def test_a_file_is_read_with_its_own_tracks_where_it_has_them(tmp_path: Path) -> None:
    tracks = [{"time": 1.0, "frame": 6, "points": {"0": {"point": [7, 8], "occluded": False}}}]
    path = write(tmp_path, [RECORD, RECORD | {"tracks": tracks, "qid": 4}, RECORD | {"prediction": "none"}])
    parsed, given, none = read_point_answers(path)
    assert parsed.points == {0: {"1": (100.0, 25.0)}}
    assert not parsed.is_unreadable
    assert given.points == {6: {"0": (7.0, 8.0)}}
    assert given.query == "4"
    assert none.is_unreadable
    assert none.text == "none"
    answers = (parsed, given, none)
    assert find_answer(answers, "v", "4", "the dog") is given
    assert find_answer(answers, "v", "9", "the dog") is parsed
    assert find_answer(answers, "w", "4", "the dog") is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": 1}, "not a file of answers in points: Expected `array`"),
        ([RECORD | {"fps": 0}], r"`\$\[0\]\.fps`"),
        ([RECORD | {"fps": 1e300}], r"`float` <= 1000000.0 - at `\$\[0\]\.fps`"),
        ([RECORD | {"height": 10**9}], r"`\$\[0\]\.height`"),
        ([RECORD | {"tracks": [{"frame": 1, "points": {"0": {"point": [3.5, 1e308]}}}]}], "`float` <= 1000000.0"),
        ([RECORD | {"tracks": [{"frame": 2**40, "points": {}}]}], "`int` <= 2147483648"),
        ([{"video": "v"}], "missing required field `expression`"),
        ([RECORD | {"tracks": [{"frame": -1, "points": {}}]}], "frame"),
        ([RECORD | {"tracks": [{"frame": 1, "points": {"0": {"point": [1]}}}]}], "point"),
    ],
)
def test_a_broken_file_is_one_error(tmp_path: Path, value: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_point_answers(write(tmp_path, value))


def test_a_missing_file_and_one_that_is_no_json_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_point_answers(tmp_path / "none.json")
    with pytest.raises(DataError, match="not a file"):
        read_point_answers(tmp_path)
    (tmp_path / "bad.json").write_bytes(b"[\xff")
    with pytest.raises(DataError, match="not a file of answers in points"):
        read_point_answers(tmp_path / "bad.json")
