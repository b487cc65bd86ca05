"""Sentences are given back to a reader: its J&F is a column of the run, an empty sentence counts 0."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import CaptionPrediction
from mevis_bench.reports.consistency import results_error
from mevis_bench.schemas.scores import Results, SampleScore
from mevis_bench.store.score_files import read_results, read_scores, write_scores
from tests.fixtures.drawn_split import write_predictions
from tests.fixtures.tiny_split import write_fake_method, write_tiny_split

READER = """
def predict(self, video, prompts):
    for prompt in prompts:
        assert prompt.text.strip(), "an empty sentence is not read"
        masks = np.zeros((len(video), video.height, video.width), bool)
        for column in filter(str.isdigit, prompt.text):
            masks[:, :, int(column)] = True
        yield MaskPrediction(masks)


Fake.predict = predict
"""
"""Segments the columns whose numbers are in the sentence."""

SENTENCES = {"va/0": "column 0", "va/1": "columns 0 and 1", "vb/0": " ", "vc/0": "column 0", "vc/1": "4", "vc/10": "4"}
COLUMN = "J&F by fake:default"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    data = write_tiny_split(tmp_path / "data" / "tiny")
    write_fake_method(tmp_path / "methods", READER)
    folder = tmp_path / "run"
    for video in ("va", "vb", "vc"):
        own = {sample.split("/")[1]: text for sample, text in SENTENCES.items() if sample.startswith(video)}
        write_predictions(folder, video, {name: CaptionPrediction(text) for name, text in own.items()})
    rows = [SampleScore(sample, {"METEOR": 0.5}, ("multi",) if sample == "va/1" else ()) for sample in SENTENCES]
    fingerprint = open_dataset(data.parent, "tiny").fingerprint
    counts = {"expected": 6, "scored": 6, "missing": 0}
    slices = {"multi": {"count": 1, "METEOR": 0.5}, "single": {"count": 0, "METEOR": None}}
    write_scores(folder, rows, Results("rmeg", "mevis_v2", {"METEOR": 0.5}, counts, "tiny", fingerprint, slices))
    return folder


def command(run: Path, *words: str) -> list[str]:
    data, methods = str(run.parent / "data"), str(run.parent / "methods")
    split = ["--data", data, "--split", "tiny"]
    return ["roundtrip", str(run), "--reader", "fake", "--method-dir", methods, *split, *words]


def test_a_sentence_scores_by_what_its_reader_finds(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(run)) == 0
    values = {row.sample: row.values[COLUMN] for row in read_scores(run)}
    assert values == {"va/0": 1.0, "va/1": 1.0, "vb/0": 0.0, "vc/0": 0.0, "vc/1": 1.0, "vc/10": 1.0}
    results = read_results(run)
    assert results.metrics == {"METEOR": 0.5, COLUMN: pytest.approx(4 / 6)}
    assert results.slices["multi"][COLUMN] == 1.0
    assert results.slices["single"][COLUMN] is None
    assert results_error(results, read_scores(run)) is None
    output = capsys.readouterr().out
    assert f"{COLUMN} ↑" in output
    assert f"{COLUMN}: reader: heuristic, empty sentences: 1" in output


def test_the_same_command_reads_nothing_again_and_other_sentences_are_another_run(run: Path) -> None:
    assert main(command(run)) == 0
    before = {path: path.stat().st_mtime_ns for path in (run / "roundtrip").rglob("*.jsonl")}
    scores = (run / "scores.jsonl").read_bytes()
    assert main(command(run)) == 0
    assert (run / "scores.jsonl").read_bytes() == scores
    predictions = [path for path in before if path.parent.name == "predictions"]
    assert len(predictions) == 2
    assert all(path.stat().st_mtime_ns == before[path] for path in predictions)
    write_predictions(run, "vb", {"0": CaptionPrediction("3")})
    assert main(command(run)) == 0
    assert {row.sample: row.values[COLUMN] for row in read_scores(run)}["vb/0"] == 1.0


def test_the_ceiling_is_the_readers_score_of_the_own_sentences(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(run, "--ceiling", "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    # The tiny split's sentences have no digit, so that the reader segments nothing: J and F are 0 where a column is.
    assert document["ceiling"] == 0.0
    assert document["empty"] == 1
    assert document["results"]["metrics"][COLUMN] == pytest.approx(4 / 6)


def test_the_gallery_shows_what_the_reader_found(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(run)) == 0
    data = ["--data", str(run.parent / "data"), "--split", "tiny"]
    assert main(["gallery", str(run), *data]) == 0
    text = (run / "gallery" / "data" / "video_0.js").read_text()
    samples = json.loads(text.removeprefix("window.VIDEO(0, ").rstrip().removesuffix(");"))["samples"]
    assert samples["va/0"]["found"] == {"fake:default": samples["va/0"]["truth"]}
    text = (run / "gallery" / "data" / "video_1.js").read_text()
    assert (
        json.loads(text.removeprefix("window.VIDEO(1, ").rstrip().removesuffix(");"))["samples"]["vb/0"]["found"] == {}
    )
    shutil.rmtree(run / "roundtrip")
    assert main(["gallery", str(run), *data]) == 2
    assert "the masks that fake:default found are missing" in capsys.readouterr().err


def test_a_reader_s_name_leads_out_of_no_folder(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = read_results(run)
    metrics = {**results.metrics, "J&F by ../../elsewhere": 0.5}
    write_scores(run, read_scores(run), replace(results, metrics=metrics))
    assert main(["gallery", str(run), "--data", str(run.parent / "data"), "--split", "tiny"]) == 2
    assert "reader" in capsys.readouterr().err


def test_only_sentences_have_a_round_trip(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = read_results(run)
    rows = [SampleScore(row.sample, {"J": 0.5}) for row in read_scores(run)]
    write_scores(run, rows, Results("rvos", "mevis_v2", {"J": 0.5}, results.counts, "tiny", results.fingerprint))
    assert main(command(run)) == 2
    assert "expected a run of rmeg, got rvos" in capsys.readouterr().err


def test_a_run_without_a_sentence_scores_zero(run: Path) -> None:
    for video in ("va", "vb", "vc"):
        names = [sample.split("/")[1] for sample in SENTENCES if sample.startswith(video)]
        write_predictions(run, video, dict.fromkeys(names, CaptionPrediction("")))
    assert main(command(run)) == 0
    assert read_results(run).metrics[COLUMN] == 0.0
    assert not (run / "roundtrip").exists()
