"""RMOT and RMEG end to end: every format, the variants, what is left out, and errors without Java."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.metrics import captions, java
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import DataError, ExitCode, MaskPrediction, TrackPrediction
from mevis_bench.runs.score import score_run
from mevis_bench.runs.verify import verify
from mevis_bench.store.score_files import read_results
from tests.fixtures import drawn_split
from tests.fixtures.drawn_split import FolderVideo, write_predictions
from tests.references import trackeval_hota


def box_clip(x: int, y: int, length: int = 4) -> np.ndarray:
    """An object of 3 x 2 pixels that moves right by one pixel a frame; absent in frame 1."""
    clip = np.zeros((length, 12, 20), bool)
    for t in range(length):
        clip[t, y : y + 2, x + t : x + t + 3] = t != 1
    return clip


def boxes(x: float, y: float, identity: int, length: int = 4) -> list[tuple[int, int, list[float]]]:
    return [(t, identity, [x + t, y, x + t + 3, y + 2]) for t in range(length) if t != 1]


def to_tracks(entries: list[tuple[int, int, list[float]]]) -> TrackPrediction:
    return TrackPrediction(
        np.array([frame for frame, _, _ in entries], np.int64),
        np.array([identity for _, identity, _ in entries], np.int64),
        np.array([box for _, _, box in entries], np.float64).reshape(len(entries), 4),
    )


ANSWERS = {
    "0": to_tracks(boxes(2, 3, 0)),  # right
    "1": to_tracks([*boxes(2, 3, 0), *boxes(9, 7.5, 5)]),  # one of two is half a pixel off
    "2": to_tracks([]),  # right: there is no target
    "3": to_tracks(boxes(1, 1, 4)),  # wrong: there is no target
    "4": to_tracks([]),  # wrong: there is one
}
TRUTH = {
    "0": to_tracks(boxes(2, 3, 0)),
    "1": to_tracks([*boxes(2, 3, 0), *boxes(9, 7, 1)]),
    "2": to_tracks([]),
    "3": to_tracks([]),
    "4": to_tracks(boxes(9, 7, 0)),
}


@pytest.fixture
def split(tmp_path: Path) -> Path:
    expressions = {"0": ["1"], "1": ["1", "2"], "2": [], "3": [], "4": ["2"]}
    sentences = {"0": "the left dog runs", "4": "the right dog runs", "1": "both dogs run"}
    video = FolderVideo({"1": box_clip(2, 3), "2": box_clip(9, 7)}, expressions, sentences)
    return drawn_split.write_split(tmp_path / "split", {"v": video})


def write_tracks(root: Path, layout: str) -> Path:
    if layout == "run":
        write_predictions(root, "v", ANSWERS)
        return root
    for name, answer in ANSWERS.items():
        rows = zip(answer.frames.tolist(), answer.ids.tolist(), answer.boxes.tolist(), strict=True)
        lines = [f"{t + 1},{i + 1},{a!r},{b!r},{c - a!r},{d - b!r},1,1,1\n" for t, i, (a, b, c, d) in rows]
        path = root / "v" / (f"{name}.txt" if layout == "mot" else f"some-words--{name}/predict.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))
    return root


@pytest.mark.parametrize("layout", ["run", "mot", "refer-kitti"])
def test_tracks_of_every_format(split: Path, tmp_path: Path, layout: str) -> None:
    predictions = write_tracks(tmp_path / "p", layout)
    scored = score_run(predictions, data=split, task="rmot", out=tmp_path / "out")
    each, together = trackeval_hota.evaluate([(TRUTH[name], ANSWERS[name], 4) for name in TRUTH])
    metrics = scored.results.metrics
    for name in ("HOTA", "DetA", "AssA", "LocA"):
        assert metrics[name] == pytest.approx(float(np.mean(together[name])), abs=1e-12)
        starred = [float(np.mean(fields[name])) for fields in each]
        starred[2:4] = [1.0, 0.0]
        if name != "LocA":
            assert metrics[f"{name}*_macro"] == pytest.approx(sum(starred) / 5, abs=1e-12)
    assert (metrics["N-acc"], metrics["T-acc"]) == (0.5, 2 / 3)
    # pooled: one faultless track of 4 boxes more, for the right "no target"
    matches, boxes_of_all = together["HOTA_TP"], together["HOTA_TP"] + together["HOTA_FN"] + together["HOTA_FP"]
    deta = (matches + 4) / (boxes_of_all + 4)
    assa = (together["AssA"] * matches + 4) / (matches + 4)
    assert metrics["DetA*_pooled"] == pytest.approx(float(deta.mean()), abs=1e-12)
    assert metrics["AssA*_pooled"] == pytest.approx(float(assa.mean()), abs=1e-12)
    assert metrics["HOTA*_pooled"] == pytest.approx(float(np.sqrt(deta * assa).mean()), abs=1e-12)
    checked = verify(scored, None)
    assert checked.agrees
    assert set(checked.differences) == {"HOTA", "DetA", "AssA", "LocA", "MOTA", "MOTP", "IDSW", "IDF1"}


def test_tracks_from_masks(split: Path, tmp_path: Path) -> None:
    """Objects told apart are a track each; a union is one track."""
    one, two = box_clip(2, 3), box_clip(9, 7)
    write_predictions(tmp_path / "run", "v", {"0": MaskPrediction(one), "1": MaskPrediction(one | two, (one, two))})
    scored = score_run(tmp_path / "run", data=split, task="rmot", samples=["v/0", "v/1"])
    assert [score.values["HOTA"] for score in scored.scores] == [1.0, 1.0]
    write_predictions(tmp_path / "run", "v", {"1": MaskPrediction(one | two)})
    assert score_run(tmp_path / "run", data=split, task="rmot", samples=["v/1"]).results.metrics["HOTA"] < 0.5


def test_a_broken_track_is_an_error_or_counts_as_missed(split: Path, tmp_path: Path) -> None:
    predictions = write_tracks(tmp_path / "p", "run")
    bad = to_tracks([*boxes(2, 3, 0), (0, 0, [0, 0, 1, 1])])
    write_predictions(predictions, "v", ANSWERS | {"0": bad})
    with pytest.raises(DataError, match="v/0: identity 0 has two boxes in frame 0"):
        score_run(predictions, data=split, task="rmot", out=tmp_path / "out")
    options = ScoringOptions(missing="zero")
    scored = score_run(predictions, data=split, task="rmot", options=options, out=tmp_path / "out")
    assert scored.results.counts == {"expected": 5, "scored": 4, "missing": 1}
    assert scored.scores[0].values["HOTA"] == scored.scores[0].values["T-acc"] == 0.0


def test_a_task_says_what_it_is_scored_from(split: Path, tmp_path: Path) -> None:
    predictions = write_tracks(tmp_path / "p", "mot")
    with pytest.raises(DataError, match="v/0: rvos is scored from masks or points, got tracks"):
        score_run(predictions, data=split, out=tmp_path / "out")


CAPTIONS = {"v": {"0": "The left dog runs.", "1": "two dogs", "4": "the left dog  runs."}}


@pytest.mark.java
def test_captions(split: Path, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(CAPTIONS))
    scored = score_run(path, data=split, task="rmeg", out=tmp_path / "out")
    assert scored.results.counts == {"expected": 3, "scored": 3, "missing": 0}  # without target: left out
    assert scored.results.metrics["repeated"] == 2 / 3
    assert 0 < scored.results.metrics["METEOR"] < 1
    assert scored.results.slices["multi"]["METEOR"] == scored.scores[1].values["METEOR"]
    checked = verify(scored, None)
    assert checked.agrees
    assert checked.differences == {"METEOR": 0.0, "CIDEr": 0.0}


@pytest.mark.java
def test_cider_of_one_sample_is_undefined_with_a_note(split: Path, tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"v": {"0": "the left dog runs"}}))
    scored = score_run(path, data=split, task="rmeg", samples=["v/0"], out=tmp_path / "out")
    assert scored.results.metrics["CIDEr"] is None
    assert scored.scores[0].values["CIDEr"] is None
    assert scored.results.metrics["METEOR"] == 1.0
    assert scored.notes == ["CIDEr of one sample is undefined: words are weighed by their rarity among samples"]
    assert verify(scored, None).agrees


@pytest.mark.parametrize(("sample", "noted"), [("v/0", False), ("v/2", True)])
def test_hota_without_a_true_box_has_a_note(split: Path, tmp_path: Path, sample: str, noted: bool) -> None:
    tracks = write_tracks(tmp_path / "tracks", "mot")
    (tracks / "v" / "2.txt").write_text("1,1,2,3,4,5,1,1,1\n")
    scored = score_run(tracks, data=split, task="rmot", samples=[sample], out=tmp_path / "out")
    assert (scored.results.metrics["HOTA"] == 0) == noted
    assert any("no sample has a true box" in note for note in scored.notes) == noted


@pytest.mark.parametrize("missing", ["no Java was found", "pycocoevalcap is not installed"])
def test_captions_without_the_extra_are_refused_before_anything_is_computed(
    split: Path, tmp_path: Path, monkeypatch, capsys, missing: str
) -> None:
    path, suite = tmp_path / "captions.json", tmp_path / "suite.yaml"
    path.write_text(json.dumps(CAPTIONS))
    suite.write_text("name: one\nruns:\n- {task: rmeg, method: empty, limit: 2}\n")
    if "Java" in missing:
        monkeypatch.setattr(java, "find_java", lambda: None)
    else:
        find = importlib.util.find_spec
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *rest: None if name == "pycocoevalcap" else find(name, *rest)
        )
    for command in (
        ["run", "--task", "rmeg", "--method", "empty", "--limit", "2"],
        ["score", str(path), "--task", "rmeg", "--data", str(split)],
        ["suite", str(suite)],
    ):
        assert main([*command, "--out", str(tmp_path / "out")]) == ExitCode.NOTHING_MEASURED
        printed = capsys.readouterr()
        assert missing in printed.err
        assert "pip install 'mevis-bench[rmeg]'" in printed.err
        assert printed.out == ""
    assert not (tmp_path / "out").exists()


CRASHES = """#!/bin/sh
case "$*" in *"$CRASHES"*) echo "Out of memory" >&2; exit 3;; esac
exec {java} "$@"
"""


@pytest.mark.java
@pytest.mark.parametrize(("program", "kept"), [("PTBTokenizer", {"repeated"}), ("meteor-1.5", {"repeated", "CIDEr"})])
def test_the_death_of_java_is_one_error_and_the_other_metrics_are_kept(
    split: Path, tmp_path: Path, monkeypatch, capsys, program: str, kept: set[str]
) -> None:
    path, fake_java = tmp_path / "captions.json", tmp_path / "java"
    path.write_text(json.dumps(CAPTIONS))
    fake_java.write_text(CRASHES.format(java=java.find_java()))
    fake_java.chmod(0o755)
    monkeypatch.setattr(java, "find_java", lambda: str(fake_java))
    monkeypatch.setenv("CRASHES", program)
    command = ["score", str(path), "--task", "rmeg", "--data", str(split), "--out", str(tmp_path / "out")]
    assert main(command) == ExitCode.FAILED
    assert "exited with code 3: Out of memory" in capsys.readouterr().err
    assert {name for name, value in read_results(tmp_path / "out").metrics.items() if value is not None} == kept


COMMA = "-Duser.language=it -Duser.country=IT -Duser.language.format=it -Duser.country.format=IT"


@pytest.mark.java
def test_meteor_below_a_folder_with_blanks_under_any_locale(split: Path, tmp_path: Path, monkeypatch) -> None:
    package = tmp_path / "with blanks ä" / "pycocoevalcap"
    shutil.copytree(java.package_folder(), package)
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(CAPTIONS))
    here = score_run(path, data=split, task="rmeg", out=tmp_path / "here")
    monkeypatch.setattr(captions, "package_folder", lambda: package)
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", COMMA)
    monkeypatch.setenv("_JAVA_OPTIONS", COMMA)
    monkeypatch.setenv("LC_ALL", "C")
    there = score_run(path, data=split, task="rmeg", out=tmp_path / "there")
    assert there.results.metrics == here.results.metrics
    assert there.results.metrics["METEOR"] is not None
