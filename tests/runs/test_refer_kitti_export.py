"""An export is read the way the originals' scripts read it, and compared with the masks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import DataError, MaskPrediction, TrackPrediction, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.refer_kitti_export import Exported, export_split
from mevis_bench.runs.score import score_run
from mevis_bench.store.formats.refer_kitti import expression_id
from mevis_bench.store.open_predictions import open_predictions
from mevis_bench.store.prediction_source import FrameSpec
from tests.fixtures.drawn_split import frame_names, write_predictions

NO_PROGRESS: Callable[[int, int], None] = lambda done, total: None  # noqa: E731


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return open_dataset(make_mini("tiny", 1, 3, tmp_path_factory.mktemp("data")), "tiny")


@pytest.fixture(scope="module")
def exported(split: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kitti") / "out"
    found = export_split(split, out, copy_frames=False, predictions=None, advance=NO_PROGRESS)
    videos = [split.video(video_id) for video_id in split.video_ids]
    expressions = sum(len(split.expressions(video.id)) for video in videos)
    assert found == Exported(len(videos), expressions, sum(map(len, videos)), 0)
    return out


def _original_truth(root: Path, sequence: str, height: int, width: int) -> set[tuple[int, int, int, int, int, int]]:
    """Ground truth as TempRMOT's test script makes it: label file k for key k, written as frame k + 1."""
    video, _, expression = sequence.partition("+")
    label = json.loads((root / "expression" / video / f"{expression}.json").read_text())["label"]
    lines = set()
    for key, ids in label.items():
        for line in (root / f"KITTI/labels_with_ids/image_02/{video}/{int(key):06d}.txt").read_text().splitlines():
            _, identity, x, y, w, h = map(float, line.split())
            if int(identity) in ids:
                box = (x * width, y * height, w * width, h * height)
                lines.add((int(key) + 1, int(identity), *(round(side) for side in box)))
    return lines


def test_the_originals_truth_is_ours_and_that_of_the_masks(split: Dataset, exported: Path) -> None:
    sequences = (exported / "seqmap.txt").read_text().splitlines()
    ground_truths = [ground_truth for video_id in split.video_ids for ground_truth in split.ground_truths(video_id)]
    boxes = 0
    for sequence, ground_truth in zip(sequences, ground_truths, strict=True):
        video, _, expression = sequence.partition("+")
        lines = (exported / "results" / video / expression / "gt.txt").read_text().splitlines()
        ours = {tuple(round(float(field)) for field in line.split(",")[:6]) for line in lines}
        assert ours == _original_truth(exported, sequence, ground_truth.height, ground_truth.width)
        assert {(line[0], *line[2:]) for line in ours} == _boxes_of_masks(ground_truth.objects)
        assert len({line[1] for line in ours}) == len(ground_truth.objects)
        boxes += len(ours)
    assert boxes > 0
    assert any(
        not ground_truth.objects for ground_truth in ground_truths
    )  # expressions without target are there too, with an empty file


def _boxes_of_masks(objects) -> set[tuple[int, ...]]:
    from pycocotools import mask as coco

    found = set()
    for masks in objects:
        for frame, mask in enumerate(masks, start=1):
            if mask is not None and coco.area(mask.to_coco()) > 0:
                found.add((frame, *(int(side) for side in coco.toBbox(mask.to_coco()))))
    return found


def test_every_frame_has_an_image_and_a_label_file_of_its_number(split: Dataset, exported: Path) -> None:
    listed = (exported / "frames.txt").read_text().splitlines()
    video = split.video(split.video_ids[0])
    for index, (line, path) in enumerate(zip(listed, video.frame_paths, strict=False)):
        image = exported / line
        assert image.name == f"{index:06d}.jpg"
        assert image.read_bytes() == path.read_bytes()
        assert Path(str(image).replace("training", "labels_with_ids").replace(".jpg", ".txt")).is_file()


def test_same_object_has_one_identity_in_all_expressions(split: Dataset, exported: Path) -> None:
    video_id = split.video_ids[0]
    identities: dict[str, int] = {}
    for expression in split.expressions(video_id):
        if expression.annotation_ids and len(expression.annotation_ids) == 1:
            (path,) = (exported / "expression" / video_id).glob(f"*--{expression.id}.json")
            ids = {one for ids in json.loads(path.read_text())["label"].values() for one in ids}
            assert len(ids) == 1
            assert identities.setdefault(expression.annotation_ids[0], next(iter(ids))) in ids
    assert len(set(identities.values())) == len(identities) > 1


def test_tracks_of_a_run_are_written_and_read_back(split: Dataset, tmp_path: Path) -> None:
    video = split.video(split.video_ids[0])
    expression = split.expressions(video.id)[0]
    tracks = TrackPrediction(np.array([0, 1]), np.array([0, 0]), np.array([[1.0, 2.0, 3.0, 4.0], [1.5, 2, 3, 4]]))
    write_predictions(tmp_path / "run", video.id, {expression.id: tracks})
    out = tmp_path / "out"
    found = export_split(split, out, copy_frames=True, predictions=tmp_path / "run", advance=NO_PROGRESS)
    assert found.predictions == 1
    assert len((out / "seqmap.txt").read_text().splitlines()) == 1
    source = open_predictions(out / "results")
    assert source.samples() == {f"{video.id}/{expression.id}"}
    back = source.read(expression.id, FrameSpec(video.id, video.frame_names, video.height, video.width))
    assert isinstance(back, TrackPrediction)
    np.testing.assert_array_equal(back.boxes, tracks.boxes)
    assert not (out / (out / "frames.txt").read_text().splitlines()[0]).is_symlink()


def test_masks_are_no_tracks(split: Dataset, tmp_path: Path) -> None:
    video = split.video(split.video_ids[0])
    empty = MaskPrediction(np.zeros((len(video), video.height, video.width), bool))
    write_predictions(tmp_path / "run", video.id, {split.expressions(video.id)[0].id: empty})
    with pytest.raises(DataError, match="the prediction holds no tracks"):
        export_split(split, tmp_path / "out", copy_frames=True, predictions=tmp_path / "run", advance=NO_PROGRESS)


def test_a_folder_with_content_is_left_alone(split: Dataset, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty\nGive a new folder with --out"):
        export_split(split, tmp_path, copy_frames=False, predictions=None, advance=NO_PROGRESS)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_split_without_truth_can_not_be_exported(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    expressions = {"0": {"exp": "a bird"}}
    meta = {"videos": {"v1": {"expressions": expressions, "frames": frame_names(1)}}}
    (root / "meta_expressions.json").write_text(json.dumps(meta))
    from PIL import Image

    (root / "JPEGImages" / "v1").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(root / "JPEGImages" / "v1" / "00000.jpg")
    with pytest.raises(UsageError, match="has no ground truth"):
        export_split(
            open_dataset(root, "valid"), tmp_path / "out", copy_frames=False, predictions=None, advance=NO_PROGRESS
        )


def test_trackeval_reads_the_export_and_gives_our_hota(split: Dataset, tmp_path: Path) -> None:
    trackeval = pytest.importorskip("trackeval")
    _write_shifted_truth(split, tmp_path / "run")
    root = tmp_path / "out"
    export_split(split, root, copy_frames=False, predictions=tmp_path / "run", advance=NO_PROGRESS)
    score_run(root / "results", data=split.root, split=split.split, task="rmot", out=tmp_path / "scores")
    ours = {
        line["sample"]: line["values"]["HOTA"]
        for line in map(json.loads, (tmp_path / "scores" / "scores.jsonl").read_text().splitlines())
    }
    lengths = _arrange_for_trackeval(root, tmp_path)
    dataset = trackeval.datasets.MotChallenge2DBox(
        {
            "GT_FOLDER": str(tmp_path / "gt"), "TRACKERS_FOLDER": str(tmp_path / "trackers"), "SKIP_SPLIT_FOL": True,
            "SEQ_INFO": lengths, "DO_PREPROC": False, "PRINT_CONFIG": False,
        }
    )  # fmt: skip
    hota = trackeval.metrics.HOTA({"PRINT_CONFIG": False})
    assert len(lengths) > 3
    for sequence in lengths:
        raw = dataset.get_raw_seq_data("ours", sequence)
        theirs = hota.eval_sequence(dataset.get_preprocessed_seq_data(raw, "pedestrian"))["HOTA"].mean()
        video_id, _, name = sequence.partition("+")
        assert 0 < theirs < 1
        assert theirs == pytest.approx(ours[f"{video_id}/{expression_id(name)}"], abs=1e-12)


def _write_shifted_truth(split: Dataset, run: Path) -> None:
    """Write a run whose tracks are those of the truth, two pixels to the right."""
    for video_id in split.video_ids:
        answers = {}
        for ground_truth in split.ground_truths(video_id):
            entries = sorted(
                (frame - 1, number, *(x + 2, y, x + w + 2, y + h))
                for number, one in enumerate(ground_truth.objects)
                for frame, x, y, w, h in _boxes_of_masks([one])
            )
            table = np.array(entries, np.float64).reshape(-1, 6)
            tracks = TrackPrediction(table[:, 0].astype(int), table[:, 1].astype(int), table[:, 2:])
            answers[ground_truth.expression.id] = tracks
        write_predictions(run, video_id, answers)


def _arrange_for_trackeval(root: Path, out: Path) -> dict[str, int]:
    """Write every sequence with a target where TrackEval looks for it; return their lengths."""
    lengths = {}
    for sequence in (root / "seqmap.txt").read_text().splitlines():
        video, _, name = sequence.partition("+")
        results = root / "results" / video / name
        if (results / "gt.txt").stat().st_size > 0:
            for source, target in (
                ("gt.txt", f"gt/{sequence}/gt/gt.txt"),
                ("predict.txt", f"trackers/ours/data/{sequence}.txt"),
            ):
                (out / target).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(results / source, out / target)
            lengths[sequence] = len(list((root / "KITTI/training/image_02" / video).iterdir()))
    return lengths
