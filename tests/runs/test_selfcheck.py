"""``selfcheck`` passes here, and would see one changed byte."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.runs.selfcheck import fingerprint


@pytest.mark.slow
def test_every_way_of_running_gives_the_same_bytes(capsys) -> None:
    assert main(["selfcheck", "--limit", "24", "--kills", "1", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)
    ray = ["Ray"] if find_spec("ray") else []
    names = ["one process", "OMP_NUM_THREADS=4", "4 pool processes", "3 shards, merged", *ray, "kill -9 and resume"]
    names.append("kill -9 and resume, 2 pool processes")
    assert [check["name"] for check in checks] == names
    assert all(check["same"] for check in checks)


def test_more_kills_than_samples_are_refused(capsys) -> None:
    assert main(["selfcheck", "--limit", "4", "--kills", "5"]) == 2
    assert "cannot kill a run of 4 samples 5 times" in capsys.readouterr().err


def test_one_byte_is_seen(tmp_path: Path) -> None:
    (tmp_path / "predictions").mkdir()
    for name in ("predictions/v.jsonl", "scores.jsonl", "results.json"):
        (tmp_path / name).write_text("a")
    before = fingerprint(tmp_path)
    for name in ("predictions/v.jsonl", "scores.jsonl", "results.json"):
        (tmp_path / name).write_text("b")
        assert fingerprint(tmp_path) != before
        (tmp_path / name).write_text("a")
    assert fingerprint(tmp_path) == before
