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
from tests.runs.test_predict import ALL, config, go, place, predictions

__all__ = ["place"]


def test_shards_merged_are_the_whole_run(place: Path, capsys) -> None:
    whole = go(place)
    score_run(place / "run", data=place / "data")
    shards = []
    for part in ("1/3", "2/3", "3/3"):
        shards.append(str(go(place, shard=part, out=place / f"shard{part[0]}").folder.path))
    assert main(["merge", *reversed(shards), "--out", str(place / "merged"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "finished"
    assert predictions(place / "merged") == predictions(place / "run")
    for name in ("scores.jsonl", "results.json"):
        assert (place / "merged" / name).read_bytes() == (place / "run" / name).read_bytes()
    merged = RunFolder(place / "merged").read_manifest()
    assert merged.identity == whole.manifest.identity
    assert run_state(place / "merged").done == len(ALL)


def test_shards_that_do_not_fit_are_refused(place: Path) -> None:
    one = go(place, shard="1/3", out=place / "one").folder
    go(place, shard="2/3", out=place / "other", seed=4)
    with pytest.raises(UsageError, match=r"other: differs in its plan from .*one: seed"):
        merge_runs([place / "one", place / "other"], place / "m")
    with pytest.raises(UsageError, match=r"one: sample va/0 is in .*one too"):
        merge_runs([place / "one", place / "one"], place / "m")
    one.write_manifest(one.read_manifest().__class__(**{**_fields(one), "status": "running"}))
    with pytest.raises(UsageError, match=r"the shard is running, not finished\nStart its command again: it resumes."):
        merge_runs([place / "one"], place / "m")
    assert run_state(place / "one").state == "killed"
    with one.locked():
        assert run_state(place / "one").state == "running"
    with pytest.raises(UsageError, match="the folder is not empty"):
        merge_runs([place / "one"], place / "other")


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
def test_wrong_shards(place: Path, shard: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan_run(config(place, shard=shard))


def test_status_is_shown(place: Path, capsys) -> None:
    go(place)
    assert main(["status", str(place / "run")]) == 0
    output = capsys.readouterr().out
    assert "finished" in output
    assert "8" in output
