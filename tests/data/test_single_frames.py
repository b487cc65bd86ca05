"""A2D- and JHMDB-Sentences: single frames, scored candidates in COCO results and in runs, lists of frames by name."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.jhmdb_sentences.dataset import LISTS, hash_of_list
from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.masks.rle import counts_of
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import CaptionPrediction, DataError, MaskPrediction, UsageError
from mevis_bench.runs.score import ScoringResult, score_run
from mevis_bench.store.prediction_lines import StoredMasks, decode_masks, encode_line, parse_line
from tests.paths import GOLDEN

NAMES = {"mean_iou": "mIoU", "overall_iou": "oIoU"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_fixture("a2d_sentences", tmp_path / "data")
    return tmp_path / "data"


def coco_rle(mask: np.ndarray) -> dict[str, Any]:
    counts = counts_of(mask[None])[0]
    return {"size": list(mask.shape), "counts": "" if counts is None else counts.decode()}


def answers(root: Path, **changes: Any) -> list[dict[str, Any]]:
    """The ground truth as COCO results."""
    split = open_dataset(root)
    entries = []
    for video_id in split.video_ids:
        truth = split.ground_truth(video_id, "0")
        mask = truth.objects[0][truth.scored[0]]
        entries.append({"image_id": video_id, "category_id": 1, "segmentation": coco_rle(mask.decode()), "score": 0.5})
    entries[0] |= changes
    return entries


def score(root: Path, entries: list[dict[str, Any]], **options: str) -> ScoringResult:
    path = root.parent / "answers.json"
    path.write_text(json.dumps(entries))
    return score_run(path, data=root, options=ScoringOptions(**options), out=root.parent)


def test_a_query_is_a_window_of_which_one_frame_is_scored(root: Path) -> None:
    split = open_dataset(root)
    assert split.video_ids == ("v_made_jump_f_2_i_0", "v_made_jump_f_7_i_1", "v_made_run_f_2_i_0", "v_made_run_f_7_i_1")
    assert split.frame_names(split.video_ids[0]) == tuple(f"{number:05d}" for number in range(1, 6))
    assert split.frame_names(split.video_ids[1]) == tuple(f"{number:05d}" for number in range(3, 11))
    truth = split.ground_truth(split.video_ids[1], "0")
    assert truth.scored == (4,)
    assert [mask is not None for mask in truth.objects[0]] == [False] * 4 + [True] + [False] * 3


def test_perfect_answers_score_one(root: Path) -> None:
    metrics = score(root, answers(root)).results.metrics
    assert metrics["mAP"] == pytest.approx(1.0, abs=1e-12)
    assert {metrics[name] for name in ("mIoU", "oIoU", "P@0.9")} == {1.0}


def test_a_folder_with_one_file_is_scored_and_scored_again(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "predictions"
    folder.mkdir()
    (folder / "results_of_test.json").write_text(json.dumps(answers(root)))
    for _ in range(2):
        assert main(["score", str(folder), "--data-set", "a2d_sentences", "--data", str(root)]) == 0
    assert json.loads((folder / "results.json").read_text())["metrics"]["oIoU"] == 1.0


def test_only_the_scored_frame_counts_and_candidates_of_a_run_are_read(root: Path, tmp_path: Path) -> None:
    split = open_dataset(root)
    folder = tmp_path / "run/predictions"
    folder.mkdir(parents=True)
    for video_id in split.video_ids:
        truth = split.ground_truth(video_id, "0")
        right = np.ones((truth.length, truth.height, truth.width), bool)
        right[truth.scored[0]] = truth.objects[0][truth.scored[0]].decode()
        prediction = MaskPrediction(right, candidates=((~right, 0.2), (right, 0.7)))
        (folder / f"{video_id}.jsonl").write_bytes(encode_line("0", prediction))
    result = score_run(tmp_path / "run", data=root, out=tmp_path)
    assert result.results.metrics["mIoU"] == 1.0
    assert result.results.metrics["mAP"] == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": "v_nowhere"}, "predictions of samples that split 'test' does not have: v_nowhere/0"),
        ({"image_id": 7}, "entry 0, image_id: expected a string, got 7"),
        ({"score": "high"}, "candidate 0: score: expected a number, got 'high'"),
        ({"segmentation": None}, "expected null or an RLE"),
        ({"segmentation": {"size": [4, 4], "counts": "R31"}}, "mask is 4x4, the video is 64x48"),
    ],
)
def test_invalid_results_are_named(root: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        score(root, answers(root, **change))


def test_a_query_without_candidates_is_an_error_or_a_miss(root: Path) -> None:
    entries = answers(root)[1:]
    with pytest.raises(DataError, match="image v_made_jump_f_2_i_0: prediction is missing"):
        score(root, entries)
    result = score(root, entries, missing="zero")
    assert result.results.metrics["P@0.5"] == 0.75
    assert result.results.counts["missing"] == 1


def test_lines_with_candidates_have_a_schema_and_others_stay_as_they_were() -> None:
    masks = np.zeros((2, 3, 4), bool)
    masks[0, 1, 2] = True
    plain = encode_line("0", MaskPrediction(masks))
    assert "schema" not in json.loads(plain)
    assert json.loads(plain).keys() == {"expression", "kind", "height", "width", "masks", "objects", "target_score"}
    line = encode_line("0", MaskPrediction(masks, candidates=((masks, 0.25), (~masks, -3.0))))
    assert json.loads(line)["schema"] == 2
    stored = parse_line(line, "here")
    assert isinstance(stored, StoredMasks)
    decoded = decode_masks(stored).candidates
    assert [score for _, score in decoded] == [0.25, -3.0]
    assert np.array_equal(decoded[0][0], masks)
    assert np.array_equal(decoded[1][0], ~masks)
    with pytest.raises(DataError, match=r"schema 3 is newer than this version reads \(2\)"):
        parse_line(line.replace(b'"schema":2', b'"schema":3'), "here")
    assert isinstance(parse_line(encode_line("0", CaptionPrediction("a")), "here"), CaptionPrediction)


def test_jhmdb_names_its_list_of_frames_and_refuses_to_draw_one(tmp_path: Path) -> None:
    root = tmp_path / "jhmdb"
    make_fixture("jhmdb_sentences", root)
    frames = [("made_golf_f_cm_np1", frame) for frame in (1, 6, 12)]
    assert open_dataset(root).info.version == f"2018, frames of list {hash_of_list(frames)[:8]}"
    (root / "jhmdb_sentences_samples_metadata.json").unlink()
    with pytest.raises(UsageError, match=r"jhmdb_sentences_samples_metadata\.json is missing") as caught:
        open_dataset(root, "test", "jhmdb_sentences")
    assert caught.value.hint == "See: mevis-bench data info jhmdb_sentences"
    assert sorted(LISTS.values()) == ["Long-RVOS", "MTTR"]


def test_a_query_without_ground_truth_and_one_given_twice_are_errors(root: Path) -> None:
    path = root / "a2d_sentences_single_frame_test_annotations.json"
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([*rows, rows[0]]))
    with pytest.raises(DataError, match="duplicate query 'v_made_jump_f_2_i_0'"):
        open_dataset(root)
    path.write_text(json.dumps([*rows, ["a dog", "made_jump", 3, 0]]))
    with pytest.raises(DataError, match="image 'v_made_jump_f_3_i_0' of a query is missing"):
        open_dataset(root)
    path.write_text(json.dumps([["a dog", "made_jump", 0, 0]]))
    with pytest.raises(DataError, match=r"entry 0: '\[2\]': expected an integer >= 1, got 0"):
        open_dataset(root)


COCO = "a2d_sentences_test_annotations_in_coco_format.json"


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("images", {"id": 3}, r"image 0: 'id': expected text, got 3"),
        ("images", {"height": 0}, r"image 0: 'height': expected an integer >= 1, got 0"),
        ("images", {"height": 47}, r"image 0: image 'v_made_jump_f_2_i_0': its mask has another size"),
        ("images", {"id": "other"}, r"image 0: image 'other' has no annotation"),
        ("annotations", {"image_id": None}, r"annotation 0: 'image_id': expected text, got null"),
        ("annotations", {"image_id": "v_made_jump_f_7_i_1"}, r"annotation 1: second annotation of image 'v_made_jump"),
        ("annotations", {"segmentation": [[1, 2, 3, 4]]}, r"annotation 0: expected null or an RLE"),
    ],
)
def test_invalid_entries_of_a_coco_file_are_named(
    root: Path, part: str, change: dict[str, object], message: str
) -> None:
    document = json.loads((root / COCO).read_text())
    document[part][0] |= change
    (root / COCO).write_text(json.dumps(document))
    with pytest.raises(DataError, match=message):
        open_dataset(root)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected a mapping with 'annotations', got an empty list"),
        ({"images": []}, "missing key 'annotations'"),
        ({"images": [], "annotations": {}}, "'annotations': expected a list, got a mapping"),
        ({"annotations": []}, "missing key 'images'"),
    ],
)
def test_a_file_that_is_not_coco_is_named(root: Path, document: object, message: str) -> None:
    (root / COCO).write_text(json.dumps(document))
    with pytest.raises(DataError, match=f"{COCO}: {message}"):
        open_dataset(root)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["v", "./a.png", "m", 1, "a dog"], "expected jhmdb_sentences/Rename_Images/<action>/<video>/<frame>.png"),
        (["v", 1, "m", 1, "a dog"], r"'\[1\]': expected text, got 1"),
        (["v", "m", 1, "a dog"], "expected a list of 5 items, got a list"),
        (["v", "./a.png", "m", 1, " "], r"'\[4\]': expected a sentence, got ' '"),
    ],
)
def test_invalid_queries_of_jhmdb_are_named(tmp_path: Path, row: list[object], message: str) -> None:
    make_fixture("jhmdb_sentences", tmp_path / "data")
    path = tmp_path / "data/jhmdb_sentences_samples_metadata.json"
    path.write_text(json.dumps([*json.loads(path.read_text()), row]))
    with pytest.raises(DataError, match=f"entry 3: {message}"):
        open_dataset(tmp_path / "data")


def check_golden(result: ScoringResult, expected: dict[str, float]) -> None:
    metrics = result.results.metrics
    for name, value in expected.items():
        found = metrics[NAMES.get(name, name)]
        assert (-1.0 if found is None else found) == value, name


def golden(case: str, tmp_path: Path, entries: list[dict[str, Any]] | None = None, **options: str) -> ScoringResult:
    path = GOLDEN / case / "predictions.json"
    if entries is not None:
        path = tmp_path / "answers.json"
        path.write_text(json.dumps(entries))
    return score_run(path, data=GOLDEN / case, options=ScoringOptions(**options), out=tmp_path)


def check_queries(result: ScoringResult, expected: dict[str, dict[str, float]]) -> None:
    found = {entry.video: entry.values["mIoU"] for entry in result.scores}
    assert found == {image_id: query["iou_float32"] for image_id, query in expected.items()}


@pytest.mark.golden
def test_golden_a2d_sentences(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "a2d-sentences/expected.json").read_text())
    entries = json.loads((GOLDEN / "a2d-sentences/predictions.json").read_text())
    result = golden("a2d-sentences", tmp_path)
    assert result.results.counts["expected"] == expected["queries"]
    assert result.results.dataset["name"] == "a2d_sentences"
    check_golden(result, expected["all_candidates"])
    check_queries(result, expected["per_query_best"])
    best: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["image_id"] not in best or entry["score"] >= best[entry["image_id"]]["score"]:
            best[entry["image_id"]] = entry
    check_golden(golden("a2d-sentences", tmp_path, list(best.values())), expected["best_candidate_only"])
    constant = [entry | {"score": 1.0} for entry in best.values()]
    check_golden(golden("a2d-sentences", tmp_path, constant), expected["best_candidate_only_score_1"])


@pytest.mark.golden
def test_golden_a2d_sentences_query_without_candidates(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "a2d-sentences/expected.json").read_text())["one_query_without_candidates"]
    entries = json.loads((GOLDEN / "a2d-sentences/predictions.json").read_text())
    agreeing = []
    for image_id in sorted({entry["image_id"] for entry in entries}):
        rest = [entry for entry in entries if entry["image_id"] != image_id]
        metrics = golden("a2d-sentences", tmp_path, rest, missing="zero").results.metrics
        agreeing.append(all(metrics[name] == expected[name] for name in ("mAP", "AP50", "AP75")))
    assert any(agreeing), "the case does not say which query it left out"


@pytest.mark.golden
def test_golden_jhmdb_sentences(tmp_path: Path) -> None:
    expected = json.loads((GOLDEN / "jhmdb-sentences/expected.json").read_text())
    result = golden("jhmdb-sentences", tmp_path)
    assert result.results.counts["expected"] == expected["queries"]
    assert result.results.dataset["name"] == "jhmdb_sentences"
    check_golden(result, expected["all_candidates"])
    check_queries(result, expected["per_query_best"])
