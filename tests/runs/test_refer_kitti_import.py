import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from mevis_bench.data.mevis.validation import validate_split
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.masks.tracks import to_tracks
from mevis_bench.records import DataError, GroundTruth, TrackPrediction, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.refer_kitti_export import export_split
from mevis_bench.runs.refer_kitti_import import Imported, import_split
from mevis_bench.runs.score import score_run

NO_PROGRESS: Callable[[int, int], None] = lambda done, total: None  # noqa: E731
WIDTH, HEIGHT = 100, 50


def _tracks(ground_truth: GroundTruth) -> TrackPrediction:
    return to_tracks(
        [rows_from_rle(one, ground_truth.height, ground_truth.width, location="test") for one in ground_truth.objects]
    )


def _boxes(ground_truth: GroundTruth) -> set[tuple[float, ...]]:
    tracks = _tracks(ground_truth)
    return {(frame, *box) for frame, box in zip(tracks.frames.tolist(), tracks.boxes.tolist(), strict=True)}


def _write(root: Path, *, frames: int = 3, suffix: str = "png") -> Path:
    """Two tracks in every frame; 'turning cars' means track 7 in the middle frame only."""
    for folder in ("KITTI/training/image_02/0005", "KITTI/labels_with_ids/image_02/0005", "expression/0005"):
        (root / folder).mkdir(parents=True)
    for number in range(frames):
        Image.new("RGB", (WIDTH, HEIGHT)).save(root / f"KITTI/training/image_02/0005/{number:06d}.{suffix}")
        lines = f"0 7 {0.1 + 0.1 * number} 0.2 0.3 0.4\n0 8 0.6 0.5 0.6 0.504\n"
        (root / f"KITTI/labels_with_ids/image_02/0005/{number:06d}.txt").write_text(lines)
    for name, label in (
        ("cars", {"0": [7, 8], "1": [7, 8], "2": [7, 8]}),
        ("turning-cars", {"1": ["7"]}),
        ("all-cars", {"0": [8, 7], "1": [7, 8], "2": [7, 8]}),
        ("no-car", {}),
    ):
        content = {"label": label, "ignore": [], "video_name": "", "sentence": name.replace("-", " ")}
        (root / f"expression/0005/{name}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def imported(tmp_path: Path) -> Dataset:
    assert import_split(_write(tmp_path / "kitti"), tmp_path / "split", NO_PROGRESS) == Imported(1, 0)
    return open_dataset(tmp_path / "split", "valid")


def test_an_exported_split_comes_back_with_the_same_boxes(tmp_path: Path) -> None:
    split = open_dataset(make_mini("tiny", 1, 3, tmp_path / "data"), "tiny")
    export_split(split, tmp_path / "kitti", copy_frames=False, predictions=None, advance=NO_PROGRESS)
    import_split(tmp_path / "kitti", tmp_path / "back", NO_PROGRESS)
    back = open_dataset(tmp_path / "back", "valid")
    assert back.video_ids == split.video_ids
    for video_id in split.video_ids:
        assert (split.video(video_id).frame(1) == back.video(video_id).frame(1)).all()
        for ground_truth in split.ground_truths(video_id):
            again = back.ground_truth(video_id, ground_truth.expression.id)
            assert again.expression.text == ground_truth.expression.text
            assert _boxes(again) == _boxes(ground_truth)
            assert len(again.objects) == sum(any(mask is not None for mask in one) for one in ground_truth.objects)


def test_boxes_are_whole_pixels_inside_the_frame(imported: Dataset) -> None:
    assert _boxes(imported.ground_truth("0005", "cars")) == {
        *((number, 10.0 + 10 * number, 10.0, 40.0 + 10 * number, 30.0) for number in range(3)),
        *((number, 60.0, 25.0, 100.0, 50.0) for number in range(3)),
    }


def test_an_object_is_referred_to_in_the_frames_of_the_label_only(imported: Dataset) -> None:
    assert _boxes(imported.ground_truth("0005", "turning-cars")) == {(1, 20.0, 10.0, 50.0, 30.0)}
    assert imported.ground_truth("0005", "no-car").objects == ()


def test_expressions_that_mean_the_same_share_their_objects(imported: Dataset) -> None:
    ids = {expression.id: expression.annotation_ids for expression in imported.expressions("0005")}
    assert set(ids["all-cars"] or ()) == set(ids["cars"] or ())
    assert not set(ids["turning-cars"] or ()) & set(ids["cars"] or ())


def test_the_split_is_valid_and_its_pngs_are_read(imported: Dataset) -> None:
    assert not validate_split(imported.root, "valid", lambda done, total: None).errors
    assert imported.video("0005").frame(0).shape == (HEIGHT, WIDTH, 3)
    frame = imported.root / "JPEGImages/0005/000001.jpg"
    frame.write_bytes(frame.read_bytes()[:-8])
    (error,) = validate_split(imported.root, "valid", lambda done, total: None).errors
    assert (error.file, error.message) == ("JPEGImages/0005/000001.jpg", "frame is cut off")


def test_scores_are_those_of_boxes_with_decimals(tmp_path: Path) -> None:
    """Labels of 6 decimals are no whole pixels: rounded boxes would give another HOTA."""
    root = _write(tmp_path / "kitti")
    (root / "seqmap.txt").write_text("".join(f"0005+{path.stem}\n" for path in (root / "expression/0005").iterdir()))
    for path in (root / "KITTI/labels_with_ids/image_02/0005").iterdir():
        path.write_text("0 7 0.123456 0.2 0.1 0.123456\n0 8 0.6 0.5 0.6 0.504\n")
    import_split(root, tmp_path / "split", NO_PROGRESS)
    predictions = tmp_path / "predictions/0005"
    for name in ("cars", "turning-cars", "all-cars", "no-car"):
        (predictions / name).mkdir(parents=True)
        (predictions / name / "predict.txt").write_text("1,1,12,10,10,6\n2,1,12.5,10,10,6\n3,1,12,10,10,6\n")
    imported, native = (
        score_run(predictions.parent, data=data, task="rmot", out=tmp_path / "out").results.metrics
        for data in (tmp_path / "split", root)
    )
    assert imported == native
    assert 0 < imported["LocA"] < 1


def test_a_track_without_a_box_is_left_out_and_counted(tmp_path: Path) -> None:
    root = _write(tmp_path / "kitti")
    _break(root, "expression/0005/cars.json", '{"label": {"0": [7], "1": [7, 9]}, "sentence": "a"}')
    assert import_split(root, tmp_path / "split", NO_PROGRESS) == Imported(1, 1)
    truth = open_dataset(tmp_path / "split", "valid").ground_truth("0005", "cars")
    assert truth.boxes["annotated"].frames.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        (None, "annotation id not found"),
        ([], "there are 0 boxes, the video has 3 frames"),
        ([None, [0, 0, 1], None], r"'\[1\]': expected \[x0, y0, x1, y1\], got a list"),
        ([None, [0, 0, -1, 1], None], r"box \[0\.0, 0\.0, -1\.0, 1\.0\] ends before it begins"),
        ([None, [0, 0, True, 1], None], r"'\[1\]\[2\]': expected a number, got true"),
    ],
)
def test_a_broken_box_file_is_named(imported: Dataset, boxes: list | None, message: str) -> None:
    path = imported.root / "box_dict.json"
    content = json.loads(path.read_text())
    key = sorted(content)[0]
    content = {name: value for name, value in content.items() if name != key} | ({} if boxes is None else {key: boxes})
    path.write_text(json.dumps(content))
    (error,) = validate_split(imported.root, "valid").errors
    assert (error.file, error.key) == ("box_dict.json", f"key {key}")
    assert re.search(message, error.message)
    with pytest.raises(DataError, match=r"box_dict\.json"):
        open_dataset(imported.root, "valid").ground_truths("0005")


def _break(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("expression/0005/cars.json", "{", "invalid JSON"),
        ("expression/0005/cars.json", '{"label": [], "sentence": "a"}', "expected a mapping, got an empty"),
        (
            "expression/0005/cars.json",
            '{"label": {"3": [7]}, "sentence": "a"}',
            "frame 3 not found; the video has frames 0 to 2",
        ),
        ("expression/0005/cars.json", '{"label": {"1": ["x"]}, "sentence": "a"}', "label 1: not a track: 'x'"),
        ("expression/0005/a--cars.json", '{"label": {}, "sentence": "a"}', "two files are expression 'cars'"),
        ("KITTI/labels_with_ids/image_02/0005/000001.txt", "0 7 0.1 0.2 0.3\n", r"000001\.txt:1: not a label"),
        ("KITTI/labels_with_ids/image_02/0005/000001.txt", "0 7 nan 0.2 0.3 0.4\n", r"000001\.txt:1: not a label"),
        ("KITTI/training/image_02/0005/000007.png", "", r"frame 3 has to be 000003\.png, not 000007\.png"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    _break(_write(tmp_path / "kitti"), name, text)
    with pytest.raises(DataError, match=message):
        import_split(tmp_path / "kitti", tmp_path / "split", NO_PROGRESS)
    assert not (tmp_path / "split" / "meta_expressions.json").exists()


def test_another_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no expressions found"):
        import_split(tmp_path, tmp_path / "split", NO_PROGRESS)
    _write(tmp_path / "kitti")
    with pytest.raises(UsageError, match="is not empty"):
        import_split(tmp_path / "kitti", tmp_path / "kitti", NO_PROGRESS)
