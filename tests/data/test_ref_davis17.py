"""Ref-DAVIS17: two layouts, four annotators, two protocols on the same answers."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.metrics.aggregation import ScoredSample
from mevis_bench.metrics.annotators import AnnotatorAggregator, score_annotator
from mevis_bench.metrics.dense_reference import reference_scores
from mevis_bench.metrics.protocols import (
    DAVIS_SEMI_SUPERVISED,
    REF_DAVIS_ANNOTATORS,
    REF_DAVIS_EXPRESSIONS,
    ScoringProtocol,
)
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import DataError, MaskPrediction, UsageError
from mevis_bench.runs.score import ScoringResult, score_run
from mevis_bench.runs.submission import check, pack, read_profile
from mevis_bench.store.prediction_lines import encode_line
from tests.paths import GOLDEN

CASE = GOLDEN / "ref-davis17"
KEYS = {
    "J": "J", "F": "F", "J&F": "J&F", "J-Recall": "J-recall", "J-Decay": "J-decay", "F-Recall": "F-recall",
    "F-Decay": "F-decay",
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_fixture("ref_davis17", tmp_path / "data")
    return tmp_path / "data"


def convert(source: Path, target: Path) -> Path:
    """Make the converted layout from the original one, as ReferFormer's converter does."""
    split = open_dataset(source, "valid")
    videos = {}
    for video_id in split.video_ids:
        for kind, folder in (("JPEGImages", "JPEGImages/480p"), ("Annotations", "Annotations_unsupervised/480p")):
            shutil.copytree(source / "DAVIS" / folder / video_id, target / "valid" / kind / video_id)
        videos[video_id] = {
            "expressions": {
                expression.id: {"exp": expression.text, "obj_id": expression.annotation_ids[0]}
                for expression in split.expressions(video_id)
            },
            "frames": list(split.frame_names(video_id)),
        }
    path = target / "meta_expressions/valid/meta_expressions.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"videos": videos}))
    return target


def test_both_layouts_are_the_same_split(root: Path, tmp_path: Path) -> None:
    original, converted = open_dataset(root), open_dataset(convert(root, tmp_path / "converted"))
    assert original.info is converted.info
    assert original.video_ids == converted.video_ids == ("blackswan", "camel")
    for video_id in original.video_ids:
        assert original.ground_truths(video_id) == converted.ground_truths(video_id)


def test_expressions_are_numbered_by_object_and_annotator(root: Path) -> None:
    expressions = open_dataset(root).expressions("blackswan")
    assert [(one.id, one.annotation_ids, one.annotator) for one in expressions] == [
        (str(4 * k + a), (str(k + 1),), str(a)) for k in range(2) for a in range(4)
    ]


def test_void_pixels_are_kept_apart(root: Path) -> None:
    truth = open_dataset(root).ground_truth("camel", "0")
    void = truth.regions["void"][0]
    assert void is not None
    assert void.decode()[:4, :4].all()
    assert void.decode().sum() == 16


def test_a_missing_annotator_and_a_short_list_are_errors(root: Path) -> None:
    path = root / "davis_text_annotations/Davis17_annot2.txt"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[1:]))
    with pytest.raises(DataError, match=r"annot2.txt: video blackswan: sentences about objects \['2'\], those of"):
        open_dataset(root).expressions("blackswan")
    path.unlink()
    with pytest.raises(DataError, match=r"Davis17_annot2.txt: cannot be read: No such file"):
        open_dataset(root)


def test_a_video_without_frames_is_an_error(root: Path) -> None:
    shutil.rmtree(root / "DAVIS/JPEGImages/480p/camel")
    with pytest.raises(DataError, match="camel: the video has no frames"):
        open_dataset(root).expressions("camel")


def random_masks(seed: int, count: int, length: int = 7) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    masks = np.zeros((count, length, 20, 24), bool)
    for mask in masks:
        for frame in mask:
            y, x = random.integers(0, 12, 2)
            frame[y : y + random.integers(1, 9), x : x + random.integers(1, 12)] = random.random() < 0.85
    return list(masks)


def slow_rows(answers: list, objects: list, void: np.ndarray | None, protocol: ScoringProtocol) -> list[dict]:
    """The definition in plain loops: every assignment is tried, every measure is taken from dense masks."""
    from itertools import permutations

    length = len(answers[0])
    frames = range(length) if protocol.scored_frames == "all" else range(1, length - 1)
    labels = np.zeros(answers[0].shape, int)
    for number in range(len(answers), 0, -1):
        labels[answers[number - 1]] = number
    count = max(len(answers), len(objects))
    free = np.ones(answers[0].shape, bool) if void is None or protocol.void == "background" else ~void

    def measures(answer: int, target: int) -> np.ndarray:
        pairs = [((labels[t] == answer + 1) & free[t], objects[target][t] & free[t]) for t in frames]
        return np.array([reference_scores(a[None], b[None], 0.008) for a, b in pairs])

    table = [[measures(answer, target) for target in range(len(objects))] for answer in range(count)]
    if protocol.matching == "identity":
        best = tuple(range(len(objects)))
    else:
        best = max(
            permutations(range(count), len(objects)),
            key=lambda choice: sum(table[answer][target].mean() for target, answer in enumerate(choice)),
        )
    chosen = sorted((answer, target) for target, answer in enumerate(best))
    rows = []
    for answer, target in chosen:
        j, f = table[answer][target].T
        edges = [round(edge) - 1 for edge in np.linspace(1, len(j), 5) + 1e-10]
        row = {}
        for name, values in (("J", j), ("F", f)):
            row |= {name: values.mean(), f"{name}-recall": (values > 0.5).mean()}
            row[f"{name}-decay"] = values[edges[0] : edges[1] + 1].mean() - values[edges[3] : edges[4] + 1].mean()
        rows.append(row)
    return rows


@pytest.mark.parametrize("protocol", [REF_DAVIS_ANNOTATORS, DAVIS_SEMI_SUPERVISED], ids=lambda protocol: protocol.name)
@pytest.mark.parametrize(("answers", "objects"), [(1, 1), (3, 3), (2, 3), (4, 2)])
def test_scores_of_an_annotator_are_those_of_plain_loops(protocol: ScoringProtocol, answers: int, objects: int) -> None:
    for seed in range(3):
        given, true = random_masks(seed, answers), random_masks(seed + 50, objects)
        void = random_masks(seed + 99, 1)[0]
        rows = score_annotator(given, true, void, protocol)
        expected = slow_rows(given, true, void, protocol)
        assert len(rows) == objects
        for row, slow in zip(rows, expected, strict=True):
            for name, value in slow.items():
                assert row[name] == pytest.approx(value, abs=1e-12), name


def test_swapped_answers_cost_nothing_by_annotator_and_all_by_expression() -> None:
    a, b = random_masks(1, 2)
    a[:, :, 12:] = False
    b[:, :, :12] = False
    swapped = score_annotator([b, a], [a, b], None, REF_DAVIS_ANNOTATORS)
    assert [row["J"] for row in swapped] == [1.0, 1.0]
    strict = score_annotator([b, a], [a, b], None, replace(REF_DAVIS_ANNOTATORS, matching="identity"))
    assert max(row["J"] for row in strict) < 0.5


def test_means_are_over_objects_then_over_annotators() -> None:
    aggregator = AnnotatorAggregator()
    values = [("0", 1.0), ("0", 0.5), ("1", 0.0)]
    rows = [{**dict.fromkeys(KEYS.values(), value)} for _, value in values]
    aggregator.update([ScoredSample("v/0", row, a) for row, (a, _) in zip(rows, values, strict=True)])
    assert aggregator.compute()["J&F"] == (0.75 + 0.0) / 2
    assert aggregator.compute([0, 1])["J"] == 0.75
    assert aggregator.compute([])["J"] is None


def score(protocol: ScoringProtocol, predictions: Path, data: Path, out: Path, missing: str = "error") -> ScoringResult:
    return score_run(predictions, data=data, options=ScoringOptions(protocol, missing=missing), out=out)


def write_label_tree(root: Path, target: Path, fill: int = 0) -> None:
    """Answer every annotator's sentences with the truth."""
    for annotator in range(4):
        for video_id in ("blackswan", "camel"):
            folder = target / f"anno_{annotator}" / video_id
            folder.mkdir(parents=True)
            for path in sorted((root / "DAVIS/Annotations_unsupervised/480p" / video_id).glob("*.png")):
                labels = np.array(Image.open(path))
                labels[labels == 255] = fill
                Image.fromarray(labels).save(folder / path.name)


def test_label_images_are_read_and_their_errors_named(root: Path, tmp_path: Path) -> None:
    predictions = tmp_path / "predictions"
    write_label_tree(root, predictions)
    result = score(REF_DAVIS_ANNOTATORS, predictions, root, tmp_path)
    assert result.results.metrics["J&F"] == 1.0
    assert result.results.protocol == "ref_davis_annotators"
    assert score(REF_DAVIS_EXPRESSIONS, predictions, root, tmp_path).results.metrics["J&F"] == 1.0
    path = predictions / "anno_2/camel/00003.png"
    Image.fromarray(np.full((48, 64), 21, np.uint8)).save(path)
    with pytest.raises(DataError, match=r"anno_2/camel/00003.png: label 21: expected at most 20"):
        score(REF_DAVIS_ANNOTATORS, predictions, root, tmp_path)
    Image.fromarray(np.zeros((48, 60), np.uint8)).save(path)
    with pytest.raises(DataError, match="label image is 60x48, the video is 64x48"):
        score(REF_DAVIS_ANNOTATORS, predictions, root, tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"anno_2/camel/00003.png: frame is missing"):
        score(REF_DAVIS_ANNOTATORS, predictions, root, tmp_path)
    shutil.rmtree(predictions / "anno_2")
    with pytest.raises(DataError, match=r"anno_2/blackswan/00000.png: frame is missing"):
        score(REF_DAVIS_ANNOTATORS, predictions, root, tmp_path)


def test_a_run_becomes_label_images_with_the_same_scores(root: Path, tmp_path: Path) -> None:
    split = open_dataset(root)
    folder = tmp_path / "run/predictions"
    folder.mkdir(parents=True)
    for video_id in split.video_ids:
        lines = []
        for truth in split.ground_truths(video_id):
            masks = np.stack([mask.decode() for mask in truth.objects[0]])
            moved = np.roll(masks, int(truth.expression.id), axis=2) | (truth.expression.id == "0")
            lines.append(encode_line(truth.expression.id, MaskPrediction(moved)))
        (folder / f"{video_id}.jsonl").write_bytes(b"".join(lines))
    packed = tmp_path / "labels.zip"
    profile = read_profile("ref_davis17", split.info)
    pack(tmp_path / "run", split, profile, packed)
    runs = [score(REF_DAVIS_ANNOTATORS, source, root, tmp_path) for source in (tmp_path / "run", packed)]
    assert runs[0].results.metrics == runs[1].results.metrics
    assert [entry.values for entry in runs[0].scores] == [entry.values for entry in runs[1].scores]
    assert 0 < runs[0].results.metrics["J&F"] < 1
    with pytest.raises(UsageError, match="only zips of masks are checked"):
        check(packed, split, profile)


def per_row(result: ScoringResult, annotator: int) -> dict[str, dict[str, float]]:
    """Values under the names of the original: ``<video>_<row>``."""
    rows = {}
    for entry in sorted(result.scores, key=lambda score: (score.video, int(score.sample.rsplit("/", 1)[1]))):
        number = int(entry.sample.rsplit("/", 1)[1])
        if number % 4 == annotator and entry.values["J"] is not None:
            rows[f"{entry.video}_{number // 4 + 1}"] = {name: entry.values[name] for name in ("J", "F")}
    return rows


@pytest.mark.golden
@pytest.mark.parametrize("layout", ["expressions", "anno"])
def test_golden_ref_davis17_annotators(tmp_path: Path, layout: str) -> None:
    expected = json.loads((CASE / "expected.json").read_text())["protocol_annotators"]
    predictions = CASE / "predictions/expressions"
    if layout == "anno":
        predictions = tmp_path / "labels"
        for annotator in range(4):
            shutil.copytree(CASE / f"predictions/anno_{annotator}", predictions / f"anno_{annotator}")
    result = score(REF_DAVIS_ANNOTATORS, predictions, CASE / "original", tmp_path)
    assert {key: result.results.metrics[name] for key, name in KEYS.items()} == expected["mean_of_4"]
    for annotator in range(4):
        values = dict(expected["per_annotator"][f"anno_{annotator}"])
        assert per_row(result, annotator) == values.pop("per_answer_row")
        aggregator = AnnotatorAggregator()
        aggregator.update(
            [
                ScoredSample(entry.sample, entry.values, str(annotator))
                for entry in sorted(result.scores, key=lambda one: (one.video, int(one.sample.rsplit("/", 1)[1])))
                if int(entry.sample.rsplit("/", 1)[1]) % 4 == annotator
            ]
        )
        assert {key: aggregator.compute()[name] for key, name in KEYS.items()} == values


@pytest.mark.golden
def test_golden_ref_davis17_expressions(tmp_path: Path) -> None:
    expected = json.loads((CASE / "expected.json").read_text())["protocol_expressions"]
    result = score(REF_DAVIS_EXPRESSIONS, CASE / "predictions/expressions", CASE / "original", tmp_path, "zero")
    scores = {entry.sample.replace("/", "_"): entry.values for entry in result.scores}
    assert {key: {"J": values["J"], "F": values["F"]} for key, values in scores.items()} == expected["per_expression"]
    assert {key: result.results.metrics[key] for key in ("J", "F", "J&F")} == {
        key: expected[key] for key in ("J", "F", "J&F")
    }


@pytest.mark.golden
def test_golden_ref_davis17_layouts_and_other_truth(tmp_path: Path) -> None:
    original = open_dataset(CASE / "original")
    converted = json.loads((CASE / "converted/meta_expressions/valid/meta_expressions.json").read_text())["videos"]
    assert list(original.video_ids) == sorted(converted)
    masks = json.loads((CASE / "mask_dict.json").read_text())
    number = 0
    for video_id in original.video_ids:
        assert list(original.frame_names(video_id)) == converted[video_id]["frames"]
        assert {
            one.id: {"exp": one.text, "obj_id": one.annotation_ids[0]} for one in original.expressions(video_id)
        } == converted[video_id]["expressions"]
        for expression in sorted(original.expressions(video_id), key=lambda one: one.id):
            track = original.ground_truth(video_id, expression.id).objects[0]
            assert [None if mask is None else mask.counts.decode() for mask in track] == [
                None if mask is None else mask["counts"] for mask in masks[str(number)]
            ]
            number += 1
    assert number == len(masks)


def dense_labels(folder: Path) -> np.ndarray:
    return np.stack([np.array(Image.open(path)) for path in sorted(folder.glob("*.png"))])


@pytest.mark.golden
def test_golden_ref_davis17_other_tools() -> None:
    expected = json.loads((CASE / "expected.json").read_text())
    annotations = CASE / "original/DAVIS/Annotations/480p"
    videos = (CASE / "original/DAVIS/ImageSets/2017/val.txt").read_text().split()

    def rows(annotator: str, protocol: ScoringProtocol) -> dict[str, dict]:
        found = {}
        for video_id in videos:
            truth = dense_labels(annotations / video_id)
            answer = dense_labels(CASE / "predictions" / annotator / video_id)
            count = int(truth[0].max())
            objects = [truth == label for label in range(1, count + 1)]
            answers = [answer == label for label in range(1, max(count, int(answer.max())) + 1)]
            scored = score_annotator(answers, objects, None, protocol)
            found |= {f"{video_id}_{number}": row for number, row in enumerate(scored, 1)}
        return found

    for annotator, values in expected["davis_semi_supervised"]["per_annotator"].items():
        scored = rows(annotator, DAVIS_SEMI_SUPERVISED)
        assert {name: {key: row[key] for key in ("J", "F")} for name, row in scored.items()} == values["per_answer_row"]
        aggregator = AnnotatorAggregator()
        aggregator.update([ScoredSample(name, row, "0") for name, row in scored.items()])
        assert {key: aggregator.compute()[name] for key, name in KEYS.items()} == {key: values[key] for key in KEYS}
    whole = rows("anno_0", replace(DAVIS_SEMI_SUPERVISED, scored_frames="all"))
    benchmark = expected["vos_benchmark_anno_0_all_frames"]
    for key in ("J", "F"):
        assert np.mean([100 * row[key] for row in whole.values()]) == benchmark[key]
