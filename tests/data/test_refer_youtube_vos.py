"""Refer-YouTube-VOS: valid is what test does not own, objects are pixel values, and the zip has a wrapper folder."""

import json
import zipfile
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import make_fixture, open_dataset, validate_dataset
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import DataError
from mevis_bench.runs.score import score_run
from tests.paths import GOLDEN


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_fixture("refer_youtube_vos", tmp_path / "data")
    return tmp_path / "data"


def test_valid_owns_the_videos_that_test_does_not_list(root: Path) -> None:
    listed = json.loads((root / "meta_expressions/valid/meta_expressions.json").read_text())["videos"]
    assert set(listed) == {"0a1b2c3d4e", "1f2e3d4c5b", "9988776655"}
    assert open_dataset(root, "valid").video_ids == ("0a1b2c3d4e", "1f2e3d4c5b")
    assert open_dataset(root, "test").video_ids == ("9988776655",)
    assert not open_dataset(root, "test").has_ground_truth


def test_without_the_file_of_test_the_videos_with_frames_are_valid(root: Path) -> None:
    (root / "meta_expressions/test/meta_expressions.json").unlink()
    assert open_dataset(root, "valid").video_ids == ("0a1b2c3d4e", "1f2e3d4c5b")


def test_frames_are_the_listed_ones_and_objects_are_pixel_values(root: Path) -> None:
    split = open_dataset(root, "valid")
    assert split.frame_names("1f2e3d4c5b") == ("00005", "00010", "00015", "00020", "00025")
    truth = split.ground_truth("1f2e3d4c5b", "1")
    assert truth.expression.annotation_ids == ("2",)
    assert all(mask is not None for mask in truth.objects[0])


def test_a_partial_copy_is_reported(root: Path) -> None:
    (root / "GENERATED.txt").unlink()
    errors = [error.message for error in validate_dataset(root, "valid").errors]
    assert errors == [
        "2 videos, the published split has 202",
        "4 expressions, the published split has 834",
        "10 frames, the published split has 5486",
    ]


def test_a_missing_label_image_and_one_of_another_size_are_errors(root: Path) -> None:
    folder = root / "valid_truth/Annotations/0a1b2c3d4e"
    (folder / "00005.png").write_bytes((root / "valid/JPEGImages/0a1b2c3d4e/00000.jpg").read_bytes())
    with pytest.raises(DataError, match=r"0a1b2c3d4e/00005.png: not a PNG image"):
        open_dataset(root, "valid").ground_truth("0a1b2c3d4e", "0")
    (folder / "00005.png").unlink()
    with pytest.raises(DataError, match=r"0a1b2c3d4e/00005.png: image is missing"):
        open_dataset(root, "valid").ground_truth("0a1b2c3d4e", "0")


def test_the_submission_has_the_folder_that_the_server_wants(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, packed = tmp_path / "run", tmp_path / "s.zip"
    main(["run", "--task", "rvos", "--method", "empty", "--data", str(root), "--split", "valid", "--out", str(run)])
    assert main(["submit", "pack", str(run), "--out", str(packed)]) == 0
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
        assert names[0] == "Annotations/0a1b2c3d4e/0/00000.png"
        assert len(names) == 20
        assert archive.read(names[0])[24] == 8, "bits per sample"
    assert main(["submit", "check", str(packed), "--data", str(root)]) == 0
    with zipfile.ZipFile(packed) as archive, zipfile.ZipFile(tmp_path / "bare.zip", "w") as bare:
        for name in names:
            bare.writestr(name.removeprefix("Annotations/"), archive.read(name))
    capsys.readouterr()
    assert main(["submit", "check", str(tmp_path / "bare.zip"), "--data", str(root)]) == 1
    assert "the video folders must be inside one folder 'Annotations'" in capsys.readouterr().err


@pytest.mark.golden
def test_golden_refer_youtube_vos(tmp_path: Path) -> None:
    folder = GOLDEN / "ref-youtube-vos"
    expected = json.loads((folder / "expected.json").read_text())
    split = open_dataset(folder)
    assert (split.info.name, split.split) == ("refer_youtube_vos", "valid")
    assert list(split.video_ids) == expected["valid_videos"]
    assert list(open_dataset(folder, "test").video_ids) == expected["test_videos"]
    assert open_dataset(folder, "train").has_ground_truth
    scored = score_run(
        folder / "predictions/Annotations", data=folder, options=ScoringOptions(missing="zero"), out=tmp_path
    )
    assert scored.results.protocol == "refer_youtube_vos"
    assert {name: scored.results.metrics[name] for name in ("J", "F", "J&F")} == {
        name: expected[name] for name in ("J", "F", "J&F")
    }
    assert {score.sample: {"J": score.values["J"], "F": score.values["F"]} for score in scored.scores} == expected[
        "per_expression"
    ]
    members = [
        f"Annotations/{video_id}/{expression.id}/{frame}.png"
        for video_id in split.video_ids
        for expression in split.expressions(video_id)
        for frame in split.frame_names(video_id)
    ]
    assert members == expected["zip_members"]
