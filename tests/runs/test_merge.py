"""Shards merged are the whole run, byte for byte; what does not fit together is refused."""

import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import UsageError
from mevis_bench.runs.merge import merge_runs
from mevis_bench.runs.plan import plan_run
from mevis_bench.runs.score import score_run
from mevis_bench.runs.status import run_state
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.runs import ALL_SAMPLES, make_config, prediction_files, run_once


def test_shards_merged_are_the_whole_run(workspace: Path, capsys) -> None:
    whole = run_once(workspace)
    score_run(workspace / "run", data=workspace / "data")
    shards = []
    for part in ("1/3", "2/3", "3/3"):
        shards.append(str(run_once(workspace, shard=part, out=workspace / f"shard{part[0]}").folder.path))
    assert main(["merge", *reversed(shards), "--out", str(workspace / "merged"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert prediction_files(workspace / "merged") == prediction_files(workspace / "run")
    for name in ("scores.jsonl", "results.json"):
        assert (workspace / "merged" / name).read_bytes() == (workspace / "run" / name).read_bytes()
    merged = RunFolder(workspace / "merged").read_manifest()
    assert merged.identity == whole.manifest.identity
    assert merged.frames == whole.manifest.frames
    assert merged.frames
    assert run_state(workspace / "merged").done == len(ALL_SAMPLES)


def test_an_empty_shard_ends_well_with_a_note_and_can_be_merged(workspace: Path, capsys) -> None:
    whole = prediction_files(run_once(workspace, out=workspace / "whole").folder.path)
    arguments = ["run", "--task", "rvos", "--method", "fake", "--method-dir", str(workspace / "methods")]
    arguments += ["--data", str(workspace / "data"), "--device", "cpu"]
    shards = [str(workspace / f"shard{part}") for part in range(1, 5)]
    for part, shard in enumerate(shards, 1):
        assert main([*arguments, "--shard", f"{part}/4", "--out", shard]) == 0
    assert f"{shards[3]}: shard 4/4 is empty\n" in capsys.readouterr().err
    assert RunFolder(workspace / "shard4").read_manifest().status == "finished"
    assert main([*arguments, "--shard", "4/4", "--out", shards[3]]) == 0
    assert main(["merge", *reversed(shards), "--out", str(workspace / "merged")]) == 0
    assert prediction_files(workspace / "merged") == whole


def test_shards_that_do_not_fit_are_refused(workspace: Path) -> None:
    one = run_once(workspace, shard="1/3", out=workspace / "one").folder
    run_once(workspace, shard="2/3", out=workspace / "other", seed=4)
    with pytest.raises(UsageError, match=r"other: differs in its plan from .*one: seed"):
        merge_runs([workspace / "one", workspace / "other"], workspace / "m")
    with pytest.raises(UsageError, match=r"one: sample va/0 is in .*one too"):
        merge_runs([workspace / "one", workspace / "one"], workspace / "m")
    one.write_manifest(one.read_manifest().__class__(**{**_fields(one), "status": "running"}))
    with pytest.raises(UsageError, match=r"the shard is running, not finished\nStart its command again: it resumes."):
        merge_runs([workspace / "one"], workspace / "m")
    assert run_state(workspace / "one").state == "killed"
    with one.locked():
        assert run_state(workspace / "one").state == "running"
    with pytest.raises(UsageError, match="the folder is not empty"):
        merge_runs([workspace / "one"], workspace / "other")


def _fields(folder: RunFolder) -> dict[str, object]:
    manifest = folder.read_manifest()
    return {name: getattr(manifest, name) for name in manifest.__slots__}


@pytest.mark.parametrize(
    ("shard", "message"),
    [
        ("0/3", "invalid shard '0/3'"),
        ("4/3", "invalid shard '4/3'"),
        ("x", "invalid shard 'x'"),
    ],
)
def test_wrong_shards(workspace: Path, shard: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_run(make_config(workspace, shard=shard))


def test_status_is_shown(workspace: Path, capsys) -> None:
    run_once(workspace)
    assert main(["status", str(workspace / "run")]) == 0
    output = capsys.readouterr().out
    assert "finished" in output
    assert "8" in output
