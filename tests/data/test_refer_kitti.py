"""Refer-KITTI: float boxes, two versions of the ground truth, what the seqmap names, tracks without a box."""

import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import make_fixture, open_dataset, validate_dataset
from mevis_bench.metrics.protocols import MEVIS_V2, find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.tracking import SequenceCounts, combined, count_sequence
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.ground_truth import BoxTruth
from mevis_bench.runs.score import score_run
from mevis_bench.runs.verify import verify
from mevis_bench.store.formats.refer_kitti import encode_tracks, parse_tracks
from tests.paths import GOLDEN

VERSIONS = {
    "refer_kitti_frame_corrected": ("annotated", "frame_corrected_TempRMOT"),
    "refer_kitti_as_published_2023": ("next_frame", "as_published_2023_RMOT"),
}


def score(predictions: Path, root: Path, out: Path, protocol: str | None = None):
    return score_run(predictions, data=root, options=ScoringOptions(find_protocol(protocol)), out=out)


@pytest.mark.golden
@pytest.mark.parametrize("protocol", VERSIONS)
@pytest.mark.parametrize("case", ["refer-kitti", "refer-kitti-v2"])
def test_golden_refer_kitti(case: str, protocol: str, tmp_path: Path) -> None:
    """HOTA, CLEAR and Identity of the originals, on ground truth that is theirs to the last bit."""
    folder = GOLDEN / case
    expected = json.loads((folder / "expected.json").read_text())
    version, key = VERSIONS[protocol]
    split = open_dataset(folder)
    assert (split.info.name, split.split) == (case.replace("-", "_"), "test")
    sequences = {
        f"{video_id}/{expression.id}" for video_id in split.video_ids for expression in split.expressions(video_id)
    }
    assert len(sequences) == expected["sequences_in_seqmap"]
    assert len(sequences | split.unscored_samples) == expected["expressions_on_disk"]

    for sample, text in expected[key]["gt_txt"].items():
        if sample in sequences:
            boxes = split.ground_truth(*sample.split("/")).boxes[version]
            theirs = {
                tuple(line.split(",")[:2]): [float(side) for side in line.split(",")[2:6]] for line in text.splitlines()
            }
            ours = {
                (str(t + 1), str(i)): box
                for t, i, box in zip(boxes.frames.tolist(), boxes.ids.tolist(), boxes.boxes.tolist(), strict=True)
            }
            assert ours == {place: [x, y, x + w, y + h] for place, (x, y, w, h) in theirs.items()}

    scored = score(folder / "predictions", folder, tmp_path, protocol)
    theirs, metrics = expected[key]["COMBINED"], scored.results.metrics
    for name in ("HOTA", "DetA", "AssA", "LocA", "MOTA", "IDF1"):
        assert metrics[name] == pytest.approx(theirs[name], abs=1e-12, rel=0), name
    assert metrics["IDSW"] == theirs["IDSW"]
    assert scored.results.counts["scored"] == expected["sequences_in_seqmap"]
    for score_of in scored.scores:
        expected_hota = expected[key]["per_sequence_HOTA"][score_of.sample.replace("/", "+")]
        assert score_of.values["HOTA"] == pytest.approx(expected_hota, abs=1e-12, rel=0), score_of.sample
    counts = combined([_count(split, sample, folder / "predictions", version) for sample in sorted(sequences)])
    for name in ("TP", "FN", "FP"):
        assert getattr(counts, name.lower()).tolist() == theirs[f"HOTA_{name}_per_alpha"]
    checked = verify(scored, None)
    assert checked.agrees, checked.differences


def _count(split: Dataset, sample: str, predictions: Path, version: BoxTruth) -> SequenceCounts:
    truth = split.ground_truth(*sample.split("/"))
    predicted = parse_tracks((predictions / sample / "predict.txt").read_text(), truth.length, sample)
    return count_sequence(truth.boxes[version], predicted, MEVIS_V2.hota_thresholds)


@pytest.fixture(params=["refer_kitti", "refer_kitti_v2"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    make_fixture(request.param, tmp_path / "data")
    return tmp_path / "data"


def test_test_is_what_the_seqmap_names_and_train_is_the_rest(root: Path) -> None:
    split = open_dataset(root)
    assert split.video_ids[0] == "0005"
    assert open_dataset(root, "train").video_ids == ("0001",)
    assert len(open_dataset(root, "train").expressions("0001")) == 4
    ids = [expression.id for expression in split.expressions("0005")]
    assert len(ids) == 3
    assert "boxes" not in ids
    assert split.unscored_samples == {f"{video_id}/boxes" for video_id in split.video_ids}
    assert ("on-the-left,-a-box-that-moves" in ids) == (split.info.name == "refer_kitti_v2")


def test_a_track_is_right_in_the_frames_in_which_the_sentence_names_it(root: Path) -> None:
    split = open_dataset(root)
    always, at_times, nobody = (
        split.ground_truth("0005", expression.id)
        for expression in sorted(split.expressions("0005"), key=lambda e: ("red" not in e.id, e.id))
    )
    assert [mask is not None for mask in always.objects[0]] == [True] * 5
    assert [mask is not None for mask in at_times.objects[0]] == [False, True, True, True, False]
    assert at_times.boxes["annotated"].frames.tolist() == [1, 2, 3]
    assert (nobody.objects, nobody.expression.annotation_ids) == ((), ())
    assert nobody.boxes["annotated"].frames.size == 0
    x0, y0, x1, y1 = at_times.boxes["annotated"].boxes[0].tolist()
    mask = at_times.objects[0][1]
    assert mask is not None
    rows, columns = mask.decode().nonzero()
    assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == tuple(
        int(side + 0.5) for side in (x0, y0, x1, y1)
    )
    assert x0 != round(x0), "boxes keep their decimals"


def test_the_older_ground_truth_has_the_boxes_of_the_next_frame(root: Path) -> None:
    split = open_dataset(root)
    truth = next(truth for truth in split.ground_truths("0005") if "red" in truth.expression.id)
    now, older = truth.boxes["annotated"], truth.boxes["next_frame"]
    assert older.frames.tolist() == [0, 1, 2, 3]
    assert older.boxes.tolist() == now.boxes[1:].tolist()


def write_predictions(root: Path, folder: Path, version: str = "annotated") -> Path:
    """Write faultless tracks of every expression on disk."""
    split = open_dataset(root)
    for video_id in split.video_ids:
        for truth in split.ground_truths(video_id):
            path = folder / video_id / truth.expression.id / "predict.txt"
            path.parent.mkdir(parents=True)
            path.write_text(encode_tracks(truth.boxes[version]))
    return folder


@pytest.mark.parametrize(("protocol", "faultless"), [(None, True), (*list(VERSIONS)[1:], False)])
def test_faultless_tracks_are_faultless_by_one_version_only(
    root: Path, tmp_path: Path, protocol: str | None, faultless: bool
) -> None:
    predictions = write_predictions(root, tmp_path / "p")
    scored = score(predictions, root, tmp_path / "out", protocol)
    assert scored.results.task == "rmot"
    assert scored.results.protocol == (protocol or "refer_kitti_frame_corrected")
    assert (scored.results.metrics["DetA"] > 1 - 1e-9) == faultless
    assert scored.results.metrics["N-acc"] == 1.0


def test_a_run_is_exported_as_the_originals_scorer_reads_it(root: Path, tmp_path: Path) -> None:
    predictions, out = write_predictions(root, tmp_path / "p"), tmp_path / "exported"
    command = ["data", "export", "--data", str(root), "--predictions", str(predictions), "--out", str(out)]
    assert main(command) == 0
    assert (out / "seqmap.txt").read_text().splitlines() == (root / "seqmap.txt").read_text().splitlines()
    sequences = [line.replace("+", "/") for line in (out / "seqmap.txt").read_text().splitlines()]
    assert sorted(path.relative_to(out / "results").as_posix() for path in out.glob("results/*/*")) == sorted(sequences)
    for sequence in sequences:
        true, predicted = (
            parse_tracks((out / "results" / sequence / name).read_text(), 5, name) for name in ("gt.txt", "predict.txt")
        )
        assert true.ids.tolist() == predicted.ids.tolist()
        assert true.boxes == pytest.approx(predicted.boxes, abs=1e-9)
    assert score(out / "results", root, tmp_path / "scores").results.metrics["DetA"] > 1 - 1e-9


def test_predictions_of_what_the_seqmap_leaves_out_are_ignored_and_counted(root: Path, tmp_path: Path) -> None:
    predictions = write_predictions(root, tmp_path / "p")
    (predictions / "0005/boxes").mkdir()
    (predictions / "0005/boxes/predict.txt").write_text("1,1,0,0,9,9,1,1,1\n")
    scored = score(predictions, root, tmp_path / "out")
    assert scored.results.counts == {"expected": 6, "scored": 6, "missing": 0}
    assert scored.notes == ["1 predictions of expressions that split 'test' leaves out are ignored"]
    (predictions / "0005/boxes").rename(predictions / "0005/cars")
    with pytest.raises(DataError, match="split 'test' does not have: 0005/cars"):
        score(predictions, root, tmp_path / "out")


def test_validation_counts_what_is_left_out(root: Path) -> None:
    report = validate_dataset(root, None)
    assert report.errors == []
    notes = ["2 expressions are not in seqmap.txt and not scored"]
    if open_dataset(root).info.name == "refer_kitti_v2":
        notes.append("sentences name a track 2 times in a frame in which it has no box; left out")
    assert report.notes == notes
    (root / "GENERATED.txt").unlink()
    messages = [error.message for error in validate_dataset(root, None).errors]
    assert messages[0].startswith("2 videos, the published split")


def test_a_seqmap_of_the_other_version_is_an_error(root: Path) -> None:
    with (root / "seqmap.txt").open("a") as file:
        file.write("0005+flying-cars\n0005+no-cars\n")
    with pytest.raises(DataError) as caught:
        open_dataset(root)
    assert "seqmap.txt: sequence 0005+flying-cars does not exist, nor do 1 more of video 0005" in str(caught.value)
    assert "expression/0005/flying-cars.json" in str(caught.value)


def test_without_a_seqmap_nothing_is_scored(root: Path) -> None:
    (root / "seqmap.txt").unlink()
    with pytest.raises(UsageError, match=r"seqmap\.txt is missing: it names the expressions that are scored"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("seqmap.txt", "0005-cars\n", r"seqmap\.txt:1: expected <video>\+<expression>, got '0005-cars'"),
        ("seqmap.txt", "0005+../cars\n", r"seqmap\.txt:1: invalid expression id '\.\./cars'"),
        ("seqmap.txt", "0005+people\n0005+people\n", r"seqmap\.txt:2: duplicate sequence '0005\+people'"),
        (
            "expression/0005/people.json",
            '{"label": {"5": [3]}, "sentence": "people"}',
            "frame 5 not found; the video has frames 0 to 4",
        ),
        ("expression/0005/people.json", '{"label": {"0": [-3]}, "sentence": "people"}', "label 0: not a track: -3"),
        (
            "expression/0005/people.json",
            '{"label": {"0": 3}, "sentence": "people"}',
            "'label.0': expected a list, got 3",
        ),
        ("expression/0005/people.json", '{"label": {}}', "missing key 'sentence'"),
        ("KITTI/labels_with_ids/image_02/0005/000001.txt", "0 3 .1 .1 .1\n", r"000001\.txt:1: not a label"),
        ("KITTI/labels_with_ids/image_02/0005/000001.txt", "0 3 .1 .1 -.1 .1\n", r"000001\.txt:1: not a label"),
        ("KITTI/labels_with_ids/image_02/0005/000001.txt", "0 3 0 0 1 1\n0 3 0 0 1 1\n", "track 3 has two boxes"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, text: str, message: str) -> None:
    make_fixture("refer_kitti", tmp_path / "data")
    (tmp_path / "data" / file).write_text(text)
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path / "data").ground_truths("0005")


def test_a_flat_box_is_kept_and_overlaps_nothing(tmp_path: Path) -> None:
    make_fixture("refer_kitti", tmp_path / "data")
    for path in (tmp_path / "data/KITTI/labels_with_ids/image_02/0005").iterdir():
        path.write_text("0 3 0.1 0.1 0.2 0\n")
    predictions = write_predictions(tmp_path / "data", tmp_path / "p")
    scored = score(predictions, tmp_path / "data", tmp_path / "out")
    flat = next(one for one in scored.scores if "red" in one.sample and one.sample.startswith("0005"))
    assert (flat.values["HOTA"], flat.values["MOTA"], flat.values["T-acc"]) == (0.0, -1.0, 1.0)


def test_a_protocol_of_boxes_needs_a_data_set_with_boxes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    command = ["run", "--task", "rmot", "--method", "empty", "--limit", "1", "--out", str(run)]
    assert main([*command, "--protocol", "refer_kitti_as_published_2023"]) == 2
    assert "protocol refer_kitti_as_published_2023 is of data sets with boxes" in capsys.readouterr().err
