import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mevis_bench.records import DataError, TrackPrediction
from mevis_bench.store.formats.refer_kitti import encode_tracks, expression_id, expression_name, parse_tracks
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec

CLIP = FrameSpec("v1", ("00000", "00005", "00010"), 100, 200)


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(0, 50)),
        st.tuples(*[st.floats(-50, 50)] * 2, *[st.floats(0.5, 100)] * 2),
        max_size=8,
    )
)
def test_tracks_survive(entries: dict[tuple[int, int], tuple[float, float, float, float]]) -> None:
    keys = np.array(list(entries), np.int64).reshape(-1, 2)
    sides = np.array(list(entries.values()), np.float64).reshape(-1, 4)
    boxes = np.concatenate([sides[:, :2], sides[:, :2] + sides[:, 2:]], axis=1)
    back = parse_tracks(encode_tracks(TrackPrediction(keys[:, 0], keys[:, 1], boxes)), 10, "here")
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    assert back.frames.tolist() == keys[order, 0].tolist()
    assert back.ids.tolist() == keys[order, 1].tolist()
    np.testing.assert_allclose(back.boxes, boxes[order], atol=1e-9)


def test_a_line_is_what_the_originals_write() -> None:
    tracks = TrackPrediction(np.array([0]), np.array([3]), np.array([[10.0, 20.0, 40.5, 60.0]]))
    assert encode_tracks(tracks) == "1,4,10.0,20.0,30.5,40.0,1,1,1\n"
    back = parse_tracks("1,4,10,20,30.5,40,1, 1, 1\n\n", 1, "here")
    assert (back.frames.tolist(), back.ids.tolist(), back.boxes.tolist()) == ([0], [3], [[10, 20, 40.5, 60]])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0,1,1,1,5,5", r"predict\.txt:2: frame 0 is not in 1\.\.3\nFrames count from 1"),
        ("4,1,1,1,5,5", r"predict\.txt:2: frame 4 is not in 1\.\.3"),
        ("1,1,1,5,5", r"predict\.txt:2: expected at least 6 numbers"),
        ("1,1,a,1,5,5", r"predict\.txt:2: not a line of tracks"),
        ("1,1,1,1,-1,5", r"predict\.txt:2: box .* has a negative or no finite size"),
        ("1,1,nan,1,5,5", r"predict\.txt:2: box .* has a negative or no finite size"),
        ("1,1.5,1,1,5,5", r"predict\.txt:2: not a line of tracks: 1\.5 is not a whole number"),
        ("inf,1,1,1,5,5", r"predict\.txt:2: not a line of tracks: cannot convert"),
        ("1,1e30,1,1,5,5", r"predict\.txt:2: id 1\d+ has more than 15 digits"),
        ("3,7,1,1,5,5", r"predict\.txt:2: duplicate id 7 in frame 3"),
    ],
)
def test_a_broken_line_is_named(line: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_tracks(f"3,7,1,1,5,5\n{line}\n", 3, "predict.txt")


def test_unusual_lines_are_read_as_usual_ones() -> None:
    """Flat boxes overlap nothing and count; more columns, blanks and ``7.0`` are what some trackers write."""
    tracks = parse_tracks("2,7.0,1,1,0,5,1,1,1,1\n\n 1 , 8, 1.5 ,1,3,0\n", 3, "here")
    assert (tracks.frames.tolist(), tracks.ids.tolist()) == ([1, 0], [6, 7])
    assert tracks.boxes.tolist() == [[1, 1, 1, 6], [1.5, 1, 4.5, 1]]
    assert parse_tracks("1,1_0,1,1,5,5", 3, "here").ids.tolist() == [9]  # Python reads it, the fast way does not
    assert parse_tracks(" \n", 3, "here").boxes.shape == (0, 4)


@pytest.mark.parametrize(
    ("text", "expected_id", "name"),
    [
        ("The bird, flying away -- slowly!", "12", "the-bird-flying-away-slowly--12"),
        ("鸟", "3", "--3"),
        ("a b", "x--y", "a-b--x--y"),
    ],
)
def test_names_hold_words_and_id(text: str, expected_id: str, name: str) -> None:
    assert expression_name(expected_id, text) == name
    assert expression_id(name) == expected_id


def test_a_name_without_words_is_the_id() -> None:
    assert expression_id("7") == "7"


def test_an_id_that_the_originals_would_cut_is_refused() -> None:
    with pytest.raises(DataError, match=r"invalid expression id '1\.5' for Refer-KITTI"):
        expression_name("1.5", "a bird")


def _write(root: Path, names: dict[str, str]) -> Path:
    for name, text in names.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_tree_of_the_originals_is_recognized(tmp_path: Path) -> None:
    root = _write(
        tmp_path, {"v1/a-bird--0/predict.txt": "1,1,0,0,5,5,1,1,1\n", "v1/a-bird--0/gt.txt": "", "v1/1/predict.txt": ""}
    )
    source = open_predictions(root).only("v1")
    assert source.format == "Refer-KITTI text"
    assert source.samples() == {"v1/0", "v1/1"}
    answer = source.read("0", CLIP)
    assert isinstance(answer, TrackPrediction)
    assert answer.boxes.tolist() == [[0, 0, 5, 5]]
    nothing = source.read("1", CLIP)
    assert isinstance(nothing, TrackPrediction)
    assert nothing.boxes.shape == (0, 4)
    with pytest.raises(DataError, match=r"v1/2: prediction is missing"):
        source.read("2", CLIP)


def test_two_folders_for_one_expression_are_an_error(tmp_path: Path) -> None:
    source = open_predictions(_write(tmp_path, {"v1/a--0/predict.txt": "", "v1/b--0/predict.txt": ""}))
    with pytest.raises(DataError, match="duplicate prediction of v1/0"):
        source.samples()


def test_a_zip_and_a_binary_file(tmp_path: Path) -> None:
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("v1/a--0/predict.txt", "1,1,0,0,5,5\n")
        file.writestr("v1/a--1/predict.txt", b"\xff\xfe")
    source = open_predictions(path)
    assert source.samples() == {"v1/0", "v1/1"}
    assert source.read("0", CLIP).ids.tolist() == [0]
    with pytest.raises(DataError, match="not a text file of tracks"):
        source.read("1", CLIP)
