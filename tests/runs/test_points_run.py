"""Answers in points: predicted, stored, scored by default and by lmms-eval's protocol, refused where masks count."""

import json
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.metrics.protocols import POINTS, POINTS_LMMS_EVAL
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import MaskPrediction, PointPrediction, UsageError
from mevis_bench.reports.run_view import RunView, read_scored_run
from mevis_bench.runs.point_scores import score_point_answers
from mevis_bench.runs.score import score_run
from mevis_bench.store.score_files import read_results
from tests.fixtures.drawn_split import FolderVideo, write_predictions, write_split
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

LENGTH = 8


def block(column: int, first: int = 0) -> np.ndarray:
    """An object of 4 x 4 pixels, absent before a frame."""
    masks = np.zeros((LENGTH, 12, 20), bool)
    masks[first:, 4:8, column : column + 4] = True
    return masks


@pytest.fixture
def split(tmp_path: Path) -> Path:
    expressions = {"0": ["1"], "1": ["1", "2"], "2": [], "3": [], "4": ["1"], "5": ["1"]}
    sentences = {name: f"sentence {name}" for name in expressions}
    video = FolderVideo({"1": block(2), "2": block(12, first=6)}, expressions, sentences)
    return write_split(tmp_path / "split", {"v": video})


INSIDE_1, INSIDE_2, OUTSIDE = (4.0, 6.0), (14.0, 6.0), (9.0, 1.0)
POINTS_OF = {
    # Scored frames are 0 and 6; the point in frame 3 does not count.
    "0": {0: {"a": INSIDE_1}, 3: {"a": OUTSIDE}, 6: {"a": OUTSIDE}},
    "1": {0: {"a": INSIDE_1}, 6: {"a": INSIDE_1, "b": INSIDE_2}},
    "2": {},
    "3": {6: {"a": OUTSIDE}},
    "4": {},
    "5": {0: {"a": INSIDE_1}, 6: {"a": INSIDE_1}},
}
RAW = {"2": "None.", "4": " ", "5": '<tracks coords="0 1'}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    predictions = {
        name: PointPrediction.from_points(points, RAW.get(name), is_cut=name == "5")
        for name, points in POINTS_OF.items()
    }
    write_predictions(tmp_path / "run", "v", predictions)
    return tmp_path / "run"


def test_points_are_scored_by_their_own_protocol(split: Path, run: Path) -> None:
    scored = score_run(run, data=split)
    assert scored.results.protocol == POINTS.name
    rows = {score.sample: score.values for score in scored.scores}
    f1 = [rows[f"v/{name}"]["point_F1"] for name in POINTS_OF]
    # By hand: one of two frames right; both; nothing to find, twice, wrong in frame 6 of the second; missed; both.
    assert f1 == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0, 1.0], abs=1e-9)
    metrics = scored.results.metrics
    assert metrics["point_F1"] == pytest.approx(4 / 6, abs=1e-9)
    assert metrics["point_P"] == pytest.approx(4 / 6, abs=1e-9)
    assert rows["v/1"]["point_HOTA"] == rows["v/5"]["point_HOTA"] == 1.0
    assert metrics["N-acc"] == 0.5
    assert metrics["T-acc"] == 0.75
    assert metrics["unreadable"] == 1 / 6
    assert metrics["cut"] == 1 / 6
    again = read_results(run)
    assert again.metrics == metrics


@pytest.mark.parametrize(("protocol", "name"), [(POINTS, "visible"), (POINTS_LMMS_EVAL, "lmms_eval")])
def test_a_run_has_the_scores_of_the_same_answers_in_a_file(
    split: Path, run: Path, tmp_path: Path, protocol, name
) -> None:
    record = {"video": "v", "height": 12, "width": 20, "fps": 6, "sampling_fps": 1}
    records = [
        {**record, "expression": f"sentence {key}", "tracks": [
            {"frame": frame, "points": {one: {"point": place} for one, place in named.items()}}
            for frame, named in points.items()
        ]}
        for key, points in POINTS_OF.items()
    ]  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(records))
    expected = score_point_answers(tmp_path / "answers.json", open_dataset(split, None)).scores[name]
    metrics = score_run(run, data=split, options=ScoringOptions(protocol)).results.metrics
    found = [metrics[f"point_{column}"] for column in ("P", "R", "F1", "HOTA")]
    assert found == pytest.approx([expected.precision, expected.recall, expected.f1, expected.hota], abs=1e-12)


def test_a_missing_answer_counts_as_missed(split: Path, run: Path) -> None:
    write_predictions(run, "v", {"0": PointPrediction.from_points({0: {"a": INSIDE_1}, 6: {"a": INSIDE_1}})})
    scored = score_run(run, data=split, options=ScoringOptions(missing="zero"))
    assert scored.results.protocol == POINTS.name
    assert scored.results.counts["missing"] == 5
    assert scored.results.metrics["point_F1"] == pytest.approx(1 / 6, abs=1e-9)
    assert scored.results.metrics["N-acc"] == 0.0
    assert scored.results.metrics["T-acc"] == 0.25


@pytest.mark.parametrize(("kind", "protocol"), [("points", "mevis_v2"), ("masks", "points")])
def test_protocols_of_another_kind_are_refused(
    split: Path, run: Path, tmp_path: Path, kind: str, protocol: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_predictions(tmp_path / "masks", "v", {"0": MaskPrediction(block(2))})
    path = run if kind == "points" else tmp_path / "masks"
    assert main(["score", str(path), "--data", str(split), "--protocol", protocol, "--missing", "zero"]) == 2
    error = capsys.readouterr().err
    assert f"protocol {protocol} does not measure {kind}" in error
    assert "points_to_masks makes masks" in " ".join(error.split())


def test_points_have_no_pictures(split: Path, run: Path) -> None:
    score_run(run, data=split)
    dataset = open_dataset(split, None)
    with pytest.raises(UsageError, match="points are not shown"):
        RunView(read_scored_run(run, dataset))


def test_a_method_that_points_is_run_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "from mevis_bench.records import PointPrediction\n"
        "def answer(setup, masks): return PointPrediction(np.array([0]), np.array([3]), np.array([[0.0, 2.0]]), 'x')\n"
    )
    methods = write_fake_method(tmp_path / "methods", code)
    data = write_tiny_split(tmp_path / "data")
    command = ["run", "--task", "rvos", "--method", "fake", "--method-dir", str(methods), "--data", str(data),
               "--out", str(tmp_path / "run"), "--device", "cpu"]  # fmt: skip
    assert main(command) == 0
    assert "point_F1" in capsys.readouterr().out
    results = read_results(tmp_path / "run")
    assert results.protocol == "points"
    # Of eight expressions, frame 0 of the first two has an object in column 0; the second has another one, too.
    rows = [json.loads(line) for line in (tmp_path / "run" / "scores.jsonl").read_text().splitlines()]
    assert {row["sample"]: row["values"]["point_P"] for row in rows if row["values"]["point_P"]} == {
        "va/0": 1.0, "va/1": 1.0,
    }  # fmt: skip
    assert main(command) == 0  # finished: nothing is computed again
    assert "point_F1" in capsys.readouterr().out
