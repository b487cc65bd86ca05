"""Every command uses the split that a run was predicted on, and another one only where it is requested by name."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import IncomparableError, MaskPrediction
from mevis_bench.runs.frame_fingerprints import fingerprint_frames
from mevis_bench.runs.run_split import open_split
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results
from tests.fixtures.drawn_split import write_predictions
from tests.fixtures.manifests import manifest


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``own/tiny``, ``other/tiny`` (the same samples, the truth of 0 moved to 1) and a scored run."""
    folder = tmp_path_factory.mktemp("home")
    own = make_mini("tiny", 1, 3, folder / "own")
    meta = json.loads((own / "meta_expressions.json").read_text())
    (video,) = meta["videos"].values()
    expressions = video["expressions"]
    first, second = [name for name, value in expressions.items() if value["anno_id"]][:2]
    expressions[first]["order_pair"], expressions[second]["order_pair"] = second, first
    (own / "meta_expressions.json").write_text(json.dumps(meta))
    other = shutil.copytree(own, folder / "other" / "tiny")
    expressions[first]["anno_id"] = [*expressions[second]["anno_id"]]
    expressions[first]["exp"] = "another sentence"
    (other / "meta_expressions.json").write_text(json.dumps(meta))
    split = open_dataset(own, "tiny")
    (video_id,) = split.video_ids
    run = folder / "run"
    predictions = {
        truth.expression.id: MaskPrediction(
            np.ones((truth.length, truth.height, truth.width), np.bool_), target_score=0.5
        )
        for truth in split.ground_truths(video_id)
    }
    write_predictions(run, video_id, predictions)
    samples = tuple(f"{video_id}/{name}" for name in predictions)
    RunFolder(run).write_manifest(manifest(samples=samples, data=own, split="tiny", fingerprint=split.fingerprint))
    assert main(["score", str(run)]) == 0
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home / "run", tmp_path / "run"))


def words(command: str, run: Path, tmp_path: Path) -> list[str]:
    video_id = next((run / "predictions").iterdir()).stem
    return {
        "score": ["score", str(run), "--out", str(tmp_path / "out")],
        "failures": ["failures", str(run)],
        "pairs": ["pairs", str(run)],
        "picture": ["picture", str(run), "--sample", f"{video_id}/0", "--out", str(tmp_path / "out.png")],
        "gallery": ["gallery", str(run), "--out", str(tmp_path / "gallery")],
        "submit": ["submit", "pack", str(run), "--out", str(tmp_path / "s.zip")],
    }[command]


COMMANDS = ("score", "failures", "pairs", "picture", "gallery", "submit")


@pytest.mark.parametrize("command", COMMANDS)
def test_the_run_s_own_split_is_used_and_another_one_only_by_name(
    home: Path,
    run: Path,
    tmp_path: Path,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    call = words(command, run, tmp_path)
    other = ["--data", str(home / "other"), "--split", "tiny"]
    monkeypatch.setenv("MEVIS_BENCH_DATA", str(home / "other"))
    assert main(call) == 0, "a variable of the shell changes nothing"
    own_output = capsys.readouterr().out
    monkeypatch.delenv("MEVIS_BENCH_DATA")
    assert main(call) == 0
    assert capsys.readouterr().out == own_output
    before = (run / "results.json").read_bytes()
    assert main([*call, *other]) == 4
    error = capsys.readouterr().err
    assert "the run was predicted on split 'tiny' [" in error
    assert "pass --allow-other-split" in error
    assert main([*call, *other, "--allow-other-split"]) == 0
    assert (run / "results.json").read_bytes() == before


def test_scores_of_another_split_record_it_and_never_replace_the_run_s_own(
    home: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = read_results(run)
    before = (run / "results.json").read_bytes()
    call = ["score", str(run), "--data", str(home / "other"), "--split", "tiny", "--allow-other-split"]
    for out in ([], ["--out", str(run)]):
        assert main([*call, *out]) == 2
        assert "the folder holds a run of another split" in capsys.readouterr().err
    assert (run / "results.json").read_bytes() == before
    assert main([*call, "--out", str(tmp_path / "out")]) == 0
    results = read_results(tmp_path / "out")
    assert results.choices["predicted_on"] == f"split 'tiny' [{own.fingerprint[:8]}]"
    assert results.metrics != own.metrics
    assert main(["compare", str(run), str(tmp_path / "out")]) == 4


@pytest.mark.parametrize("command", COMMANDS)
def test_data_changed_in_place_are_noticed(
    home: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = shutil.copytree(home / "own", tmp_path / "own")
    run = Path(shutil.copytree(home / "run", tmp_path / "run"))
    document = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps({**document, "data": str(data / "tiny")}))
    with (data / "tiny" / "meta_expressions.json").open("a") as file:
        file.write("\n")
    assert main(words(command, run, tmp_path)) == 4
    assert "the annotation files have changed" in capsys.readouterr().err


@pytest.fixture
def own_run(home: Path, tmp_path: Path) -> Path:
    """A run on a copy of the data, in ``tmp_path/own``, with frames that are recorded."""
    data = shutil.copytree(home / "own", tmp_path / "own") / "tiny"
    run = Path(shutil.copytree(home / "run", tmp_path / "run"))
    folder = RunFolder(run)
    split = open_dataset(data, "tiny")
    frames = fingerprint_frames(split, split.video_ids)
    folder.write_manifest(replace(folder.read_manifest(), data=str(data), frames=frames))
    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_frames_changed_in_place_are_noticed_whatever_their_size(
    own_run: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = next((tmp_path / "own" / "tiny" / "JPEGImages").rglob("00003.jpg"))
    content = frame.read_bytes()
    os.utime(frame, (1, 1))  # the same bytes with another time, as in a copy
    assert main(words(command, own_run, tmp_path)) == 0
    frame.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    assert main(words(command, own_run, tmp_path)) == 4
    assert f"frames of video '{frame.parent.name}' have changed since it was predicted" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "gallery", ignore_errors=True)
    assert main([*words(command, own_run, tmp_path), "--allow-other-split"]) == 0


def test_scores_on_changed_frames_record_it_and_absent_frames_are_no_change(own_run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own" / "tiny" / "JPEGImages"
    assert open_split(own_run).predicted_on is None
    frame = next(folder.rglob("00003.jpg"))
    content = frame.read_bytes()
    frame.unlink()
    with pytest.raises(IncomparableError, match="have changed"):
        open_split(own_run)
    predicted_on = open_split(own_run, allow_other_split=True).predicted_on
    assert predicted_on is not None
    assert predicted_on.endswith("], other frames")
    frame.write_bytes(content)
    assert open_split(own_run).predicted_on is None
    for path in folder.rglob("*.jpg"):
        path.unlink()
    assert open_split(own_run).predicted_on is None


@pytest.mark.parametrize(
    "call", [["report"], ["compare", "RUN"], ["history", "add"], ["gate", "--accept", "--expected", "e"]]
)
def test_a_folder_that_names_two_splits_is_refused(
    run: Path, call: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(run.parent)
    results = json.loads((run / "results.json").read_text())
    (run / "results.json").write_text(json.dumps({**results, "fingerprint": "beef" * 16}))
    assert main([str(run) if word == "RUN" else word for word in call] + [str(run)]) == 4
    assert "results.json of 'tiny' [beefbeef]" in capsys.readouterr().err
    assert not Path("history.jsonl").exists()
    assert not Path("e").exists()


def test_another_name_without_data_is_refused(run: Path) -> None:
    with pytest.raises(IncomparableError, match="not on split 'train'"):
        open_split(run, split="train")


def test_the_own_split_may_have_moved(home: Path, run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(home / "own" / "tiny", tmp_path / "elsewhere")
    opened = open_split(run, data=moved)
    assert (opened.name, opened.predicted_on) == ("tiny", None)
