"""The published JSON Schemas are current, accept the files that commands write, and refuse what readers refuse."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import make_fixture
from mevis_bench.files.strict_yaml import plain_value, read_node
from mevis_bench.masks.rle_json import parse_rles
from mevis_bench.records import CaptionPrediction, DataError, MaskPrediction, PointPrediction, TrackPrediction
from mevis_bench.schemas.__main__ import reference_files
from mevis_bench.schemas.decode import JsonSource, decode, decode_external
from mevis_bench.schemas.field_types import record_fields
from mevis_bench.schemas.formats import FORMATS, Format
from mevis_bench.schemas.json_files import decode_json, plain, schema_number
from mevis_bench.schemas.scores import SampleScore
from mevis_bench.schemas.training import TrainingRecord
from mevis_bench.schemas.transcripts import SampleTranscript, TranscriptReport
from mevis_bench.store.prediction_lines import encode_line
from tests.fixtures.tiny_split import write_tiny_split
from tests.paths import ROOT

REFERENCE = ROOT / "docs" / "reference"
BY_NAME = {format_.name: format_ for format_ in FORMATS}


def validator(name: str) -> Any:
    schema = json.loads((REFERENCE / "schemas" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def read(format_: Format, document: Any) -> object:
    if format_.external:
        return decode_external(document, format_.kind, "f")
    return decode(document, format_.kind, JsonSource("f"))


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
            read(format_, document)


@pytest.mark.parametrize("format_", FORMATS, ids=lambda format_: format_.name)
def test_schema_and_decoder_refuse_the_same(format_: Format) -> None:
    (path,) = REFERENCE.glob(f"examples/{format_.name}.*")
    document = documents(path)[0]
    if isinstance(document, list):
        broken = [{"x": document}, [*document, ["x"]], [document[0][:-1]], [[*document[0], 1]]]
    else:
        broken = [[document], {**document, next(iter(document)): ["x"]}]
    if record_fields(format_.kind) is not None:
        broken += [{key: value for key, value in document.items() if key != next(iter(document))}]
        broken += [] if format_.other_keys or format_.external else [{**document, "unknown": 1}]
    for changed in broken:
        assert not validator(format_.name).is_valid(changed)
        with pytest.raises(DataError):
            read(format_, changed)


def test_a_schema_number_is_required() -> None:
    numbered = [format_ for format_ in FORMATS if record_fields(format_.kind) and schema_number(format_.kind)]
    names = [
        "manifest",
        "predicted-candidates",
        "results",
        "baseline",
        "license-agreements",
        "push-record",
        "training",
        "transcripts",
    ]
    assert [format_.name for format_ in numbered] == names
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
        ("published-results", "configs/published/*.yaml"),
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


def test_predictions_of_every_form_are_valid_and_of_no_other_form() -> None:
    masks = np.zeros((2, 3, 4), bool)
    masks[0, 1, 2] = True
    boxes = TrackPrediction(np.array([0]), np.array([7]), np.array([[0, 0.5, 3, 4]]))
    lines = {
        "predicted-masks": encode_line("0", MaskPrediction(masks, (masks,), 0.5)),
        "predicted-candidates": encode_line("0", MaskPrediction(masks, candidates=((masks, 0.5),))),
        "predicted-tracks": encode_line("0", boxes),
        "predicted-points": encode_line("0", PointPrediction.from_points({0: {"a": (1.0, 2.5)}}, "words")),
        "predicted-caption": encode_line("0", CaptionPrediction("a cat", 1.0, "It is a cat.")),
    }
    for written, line in lines.items():
        assert [name for name in lines if validator(name).is_valid(json.loads(line))] == [written]


def test_annotations_that_commands_write_are_valid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "make-mini", "--split", "s", "--videos", "1", "--seed", "0", "--out", str(tmp_path)]
    assert main(words) == 0
    capsys.readouterr()
    (expressions,) = documents(tmp_path / "s" / "meta_expressions.json")
    (masks,) = documents(tmp_path / "s" / "mask_dict.json")
    validator("mevis-expressions").validate(expressions)
    validator("mevis-masks").validate(masks)
    validator("json-predictions").validate({"v": masks, "w": {"0": "a sentence"}})


@pytest.mark.parametrize(
    ("name", "data_set", "pattern"),
    [
        ("refer-youtube-vos-expressions", "refer_youtube_vos", "valid_truth/meta_expressions.json"),
        ("refer-kitti-expression", "refer_kitti", "expression/*/*.json"),
        ("refer-kitti-expression", "refer_kitti_v2", "expression/*/*.json"),
        ("revos-expressions", "revos", "meta_expressions_valid_.json"),
        ("revos-foreground", "revos", "mask_dict_foreground.json"),
        ("mevis-masks", "revos", "mask_dict.json"),
        ("mevis-expressions", "ref_sav", "meta_expressions_valid.json"),
        ("mevis-masks", "ref_sav", "mask_dict.json"),
        ("long-rvos-expressions", "long_rvos", "valid/meta_expressions.json"),
        ("reason-vos-expressions", "reason_vos", "meta_expressions.json"),
        ("groundmore-questions", "groundmore", "test_v2.json"),
        ("a2d-sentences-queries", "a2d_sentences", "a2d_sentences_single_frame_*.json"),
        ("coco-ground-truth", "a2d_sentences", "*_in_coco_format.json"),
        ("jhmdb-sentences-queries", "jhmdb_sentences", "*_metadata.json"),
        ("coco-ground-truth", "jhmdb_sentences", "*_in_coco_format.json"),
    ],
)
def test_files_of_generated_data_sets_are_valid(tmp_path: Path, name: str, data_set: str, pattern: str) -> None:
    make_fixture(data_set, tmp_path / "data")
    paths = sorted((tmp_path / "data").glob(pattern))
    assert paths
    for path in paths:
        (document,) = documents(path)
        validator(name).validate(document)


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [2, 3], "counts": "06"},
        {"size": [2, 3], "counts": [0, 6], "more": 1},
        {"size": [2, 3]},
        {"size": [2], "counts": ""},
        {"size": [2, 3, 4], "counts": ""},
        {"size": [0, 3], "counts": ""},
        {"size": [2, "3"], "counts": ""},
        {"size": [2, 3], "counts": 6},
        {"size": [2, 3], "counts": "ü"},
        {"size": [2, 3], "counts": [-1, 7]},
        "06",
    ],
)
def test_the_schema_of_a_mask_agrees_with_its_only_reader(rle: object) -> None:
    try:
        parse_rles([rle], "f")
    except DataError:
        readable = False
    else:
        readable = True
    assert validator("mevis-masks").is_valid({"1": [rle]}) is readable
    assert _is_readable({"1": [rle]}, "mevis-masks") is readable


def _is_readable(document: object, name: str) -> bool:
    try:
        decode_external(document, BY_NAME[name].kind, "f")
    except DataError:
        return False
    return True


def test_records_without_a_number_are_read() -> None:
    (training,) = documents(REFERENCE / "examples" / "training.json")
    former = {key: value for key, value in training.items() if key not in ("schema", "val_data", "mini")}
    former["held_out"] = training["val_data"]
    former["mini"] = {key: value for key, value in training["mini"].items() if key != "val_videos"}
    former["mini"]["held_out_videos"] = 30
    assert plain(decode_json(json.dumps(former), TrainingRecord, "f")) == training
    text = '{"recognizer": "a.pt", "word_error_rate": null, "samples": {"v/0": {"said": "a cat", "heard": "a hat"}}}'
    report = decode_json(text, TranscriptReport, "f")
    assert report.samples == {"v/0": SampleTranscript("a cat", "a hat")}


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (TrainingRecord, '{"mini": 3}', "f: missing key 'method'"),
        (TrainingRecord, '{"mini": {"held_out_videos": "x"}}', "f: missing key 'method'"),
        (TranscriptReport, '{"samples": [1]}', "f: missing key 'recognizer'"),
        (
            TranscriptReport,
            '{"recognizer": "a.pt", "word_error_rate": null, "samples": {"v/0": ["a cat"]}}',
            "f: 'samples.v/0': expected a mapping, got a list",
        ),
        (
            TranscriptReport,
            '{"recognizer": "a.pt", "word_error_rate": null, "samples": {"v/0": {"said": "a cat"}}}',
            "f: missing key 'samples.v/0.transcript'",
        ),
    ],
)
def test_an_old_record_of_another_shape_is_an_error(kind: type, text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        decode_json(text, kind, "f")
    assert str(caught.value) == message


@pytest.mark.parametrize("value", ["1e308", "-1e308", "1000000000001"])
def test_scores_have_bounds(value: str) -> None:
    document = f'{{"sample": "a/b", "values": {{"J": {value}}}}}'
    shown = json.loads(value)
    with pytest.raises(DataError, match=re.escape(f"expected a number >= -1e+12 and <= 1e+12, got {shown}")):
        decode_json(document, SampleScore, "f")
    assert decode_json(document.replace(value, "-3"), SampleScore, "f").values == {"J": -3}
