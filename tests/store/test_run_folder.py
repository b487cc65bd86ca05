"""Manifests come back as written; old ones are read, and errors name the field."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mevis_bench.records import DataError
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.manifests import manifest

# As version 0.1.0 wrote it before schema 3.
SCHEMA_2 = """\
{
  "identity": {
    "task": "avos", "method": "moving_region", "variant": "default", "options": {"threshold": 0.5}, "weights": {},
    "code": "c0de", "bridge": {"name": "speech_to_text", "recogniser": "ba5e"}, "split": "valid_u",
    "fingerprint": "f00d", "samples": ["00000/0", "00000/1"], "perturb": "none", "seed": 0, "device": "cpu",
    "version": "0.1.0"
  },
  "status": "finished", "title": "Moving region", "provenance": "floor", "config": {"recogniser": "base"},
  "data": "embedded", "versions": {"python": "3.11.7"}, "commit": null, "machine": {"host": "h"},
  "started": "2026-01-01T00:00:00+00:00", "finished": "2026-01-01T00:00:01+00:00", "costs": {"fps_model": 12.5},
  "schema": 2
}
"""


def test_a_manifest_comes_back_as_written(tmp_path: Path) -> None:
    written = manifest(samples=("a/0", "b/1"), data=tmp_path)
    RunFolder(tmp_path).write_manifest(written)
    assert RunFolder(tmp_path).read_manifest() == written


def test_a_manifest_of_schema_2_is_read(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(SCHEMA_2)
    read = RunFolder(tmp_path).read_manifest()
    assert (read.schema, read.provenance, read.data) == (3, "heuristic", "bundled")
    assert read.identity.samples == ("00000/0", "00000/1")
    assert read.costs == {"fps_model": 12.5}
    RunFolder(tmp_path).write_manifest(read)
    assert json.loads((tmp_path / "manifest.json").read_text())["schema"] == 3
    assert RunFolder(tmp_path).read_manifest() == read


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: {**m, "schema": 1}, "schema 1 is older than this version reads (3)"),
        (lambda m: {**m, "schema": 4}, "schema 4 is newer than this version reads (3)\nUpdate mevis-bench."),
        (lambda m: _without(m, "schema"), "expected schema 3, got no schema number"),
        (lambda m: {**m, "schema": "2"}, "expected schema 3, got schema '2'"),
        (lambda m: _without(m, "identity"), "missing key 'identity'"),
        (lambda m: {**m, "identity": _without(m["identity"], "seed")}, "missing key 'identity.seed'"),
        (lambda m: {**m, "identity": {**m["identity"], "sed": 1}}, "unknown key 'identity.sed'\nDid you mean 'seed'?"),
        (lambda m: {**m, "identity": {**m["identity"], "seed": 0.5}}, "'identity.seed': expected an integer, got 0.5"),
        (
            lambda m: {**m, "identity": {**m["identity"], "samples": ["a/0", 1]}},
            "'identity.samples[1]': expected text, got 1",
        ),
        (lambda m: {**m, "status": "done"}, "'status': expected one of running, finished, failed, interrupted, got"),
        (lambda m: [m], "expected a mapping, got a list"),
    ],
)
def test_an_error_names_the_field(tmp_path: Path, change: Any, message: str) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(change(json.loads(SCHEMA_2))))
    with pytest.raises(DataError, match="manifest.json: " + re.escape(message)):
        RunFolder(tmp_path).read_manifest()


def test_a_folder_without_a_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not a run folder: it has no manifest\.json"):
        RunFolder(tmp_path).read_manifest()
