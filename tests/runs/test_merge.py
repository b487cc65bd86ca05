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
    assert run_state(workspace / "merged").done == len(ALL_SAMPLES)


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
        ("4/4", "only 3 videos"),
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
