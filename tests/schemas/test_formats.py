"""The published JSON Schemas are current, accept the files that commands write, and refuse what readers refuse."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mevis_bench.cli.app import main
from mevis_bench.files.strict_yaml import plain_value, read_node
from mevis_bench.records import DataError
from mevis_bench.schemas.__main__ import reference_files
from mevis_bench.schemas.decode import JsonSource, decode
from mevis_bench.schemas.formats import FORMATS, Format
from mevis_bench.schemas.json_files import schema_number
from tests.fixtures.tiny_split import write_tiny_split
from tests.paths import ROOT

REFERENCE = ROOT / "docs" / "reference"
BY_NAME = {format_.name: format_ for format_ in FORMATS}


def validator(name: str) -> Any:
    schema = json.loads((REFERENCE / "schemas" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def documents(path: Path) -> list[Any]:
    if path.suffix == ".yaml":
        return [plain_value(read_node(path))]
    return (
        [json.loads(line) for line in path.read_text().splitlines()]
        if path.suffix == ".jsonl"
        else [json.loads(path.read_text())]
    )


def test_generated_files_are_current() -> None:
    generated = reference_files(REFERENCE)
    stale = [str(path.relative_to(ROOT)) for path, text in generated.items() if path.read_text() != text]
    assert not stale, "run make schemas"
    assert {path for path in generated if path.suffix == ".json"} == set((REFERENCE / "schemas").iterdir())


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_schema_and_decoder_take_the_example(format_: Format) -> None:
    (path,) = REFERENCE.glob(f"examples/{format_.name}.*")
    for document in documents(path):
        validator(format_.name).validate(document)
        if not format_.other_keys:
            decode(document, format_.kind, JsonSource(str(path)))


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_schema_and_decoder_refuse_the_same(format_: Format) -> None:
    (path,) = REFERENCE.glob(f"examples/{format_.name}.*")
    document = documents(path)[0]
    broken = [[document], {**document, next(iter(document)): ["x"]}]
    if format_.name != "slices":
        broken += [{key: value for key, value in document.items() if key != next(iter(document))}]
        broken += [] if format_.other_keys else [{**document, "unknown": 1}]
    for changed in broken:
        assert not validator(format_.name).is_valid(changed)
        with pytest.raises(DataError):
            decode(changed, format_.kind, JsonSource("f"))


def test_a_schema_number_is_required() -> None:
    numbered = [format_ for format_ in FORMATS if format_.name != "slices" and schema_number(format_.kind)]
    assert [format_.name for format_ in numbered] == ["manifest", "results", "baseline"]
    for format_ in numbered:
        (path,) = REFERENCE.glob(f"examples/{format_.name}.*")
        (document,) = documents(path)
        assert not validator(format_.name).is_valid({k: v for k, v in document.items() if k != "schema"})
        assert not validator(format_.name).is_valid({**document, "schema": 99})


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("suite", "configs/suites/*.yaml"),
        ("baseline", "configs/suites/*.expected.json"),
        ("train-config", "configs/train/*.yaml"),
        ("paper-table", "configs/paper/*.yaml"),
        ("submission-profile", "configs/submission/*.yaml"),
        ("method", "baselines/*/method.yaml"),
    ],
)
def test_shipped_files_are_valid(name: str, pattern: str) -> None:
    paths = sorted(ROOT.glob(pattern))
    assert paths
    for path in paths:
        (document,) = documents(path)
        validator(name).validate(document)


def test_files_that_commands_write_are_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "valid_u"
    write_tiny_split(data)
    run = str(tmp_path / "run")
    words = ["run", "--task", "rvos", "--method", "empty", "--device", "cpu", "--data", str(data), "--out", run]
    assert main(words) == 0
    assert main(["history", "add", run, "--file", str(tmp_path / "history.jsonl")]) == 0
    assert main(["accept", run, "--expected", str(tmp_path / "suite.expected.json")]) == 0
    capsys.readouterr()
    written = {
        "manifest": tmp_path / "run" / "manifest.json",
        "samples": tmp_path / "run" / "samples.jsonl",
        "scores": tmp_path / "run" / "scores.jsonl",
        "results": tmp_path / "run" / "results.json",
        "history": tmp_path / "history.jsonl",
        "baseline": tmp_path / "suite.expected.json",
    }
    for name, path in written.items():
        contents = documents(path)
        assert contents
        for document in contents:
            validator(name).validate(document)
