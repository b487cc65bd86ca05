"""Data sets are found by name or by their files; installed packages add their own."""

import importlib.metadata
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data import registry
from mevis_bench.data.mevis.dataset import DATASETS
from mevis_bench.data.registry import find_datasets, open_dataset, validate_dataset
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.dataset import Dataset
from mevis_bench.records.task_names import TASK_NAMES
from tests.fixtures.split_documents import documents, write_split
from tests.fixtures.tiny_split import write_tiny_split
from tests.paths import ROOT

MINI = DATASETS[0]


@pytest.mark.parametrize(
    ("meta_name", "name"),
    [
        ("meta_expressions_v2_release.json", "mevis_v2"),
        ("meta_expressions_v2.json", "mevis_v2"),
        ("meta_expressions.json", "mevis_v1"),
    ],
)
def test_mevis_is_recognized_by_its_expression_file(tmp_path: Path, meta_name: str, name: str) -> None:
    write_split(tmp_path / "valid_u", *documents(), meta_name=meta_name)
    dataset: Dataset = open_dataset(tmp_path, "valid_u")
    assert (dataset.info.name, dataset.split, dataset.root) == (name, "valid_u", tmp_path / "valid_u")
    assert dataset.info is find_datasets()[name].info
    assert dataset.info.protocol == name


def test_mini_is_recognized_whether_shipped_or_made(tmp_path: Path) -> None:
    assert open_dataset(None, "valid_u").info.name == "mini"
    meta, masks = documents()
    for expression in meta["videos"]["b_dogs"]["expressions"].values():
        expression |= {"kind": "single", "form": "motion"}
    write_split(tmp_path, meta, masks)
    assert open_dataset(tmp_path, "x").info.name == "mini"


def test_mini2_is_shipped_and_opened_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    dataset = open_dataset(None, None, "mini2")
    assert (dataset.info.name, dataset.split) == ("mini2", "valid_u")
    assert open_dataset(dataset.root, "valid_u").info.name == "mini2"
    assert open_dataset(None, "valid_u").info.name == "mini"
    assert open_dataset(None, None, "mini").root != dataset.root
    assert validate_dataset(None, None, "mini2").data_set == "mini2, version 2"
    with pytest.raises(UsageError) as caught:
        open_dataset(None, "train", "mini2")
    assert str(caught.value) == (
        "split 'train' of mini2 is not shipped; only 'valid_u' is\n"
        "Make it: mevis-bench data make-mini --world 2 --split train --videos 500 --seed 1 --out DIR\n"
        "and use it: --data DIR --split train"
    )


def test_a_run_on_mini2_is_scored_on_mini2(tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ["run", "--task", "rvos", "--method", "empty", "--data-set", "mini2", "--limit", "1", "--out", str(out)]
    assert main(command) == 0
    (out / "results.json").unlink()
    assert main(["score", str(out)]) == 0
    assert json.loads((out / "results.json").read_text())["dataset"] == {"name": "mini2", "version": "2"}


def test_a_name_overrides_what_the_files_look_like(tmp_path: Path) -> None:
    write_split(tmp_path, *documents())
    assert open_dataset(tmp_path, "x", "mevis_v2").info.name == "mevis_v2"
    assert validate_dataset(tmp_path, "x", "mevis_v2").errors == []
    with pytest.raises(UsageError) as caught:
        open_dataset(tmp_path, "x", "mevis-v2")
    assert str(caught.value) == (
        "--data-set: unknown data set 'mevis-v2'\nDid you mean 'mevis_v2'? Known: " + ", ".join(find_datasets())
    )


def test_a_folder_of_no_data_set_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="split 'valid_u' not found\nA split is a folder with meta_expressions"):
        open_dataset(tmp_path, "valid_u")


def fake_entry_points(monkeypatch: pytest.MonkeyPatch, value: object) -> None:
    point = importlib.metadata.EntryPoint("fake", "fake_package:ENTRY", registry.ENTRY_POINT_GROUP)
    loaded = type("FakeEntryPoint", (), {"name": point.name, "value": point.value, "load": lambda self: value})()
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [loaded])


def test_an_installed_package_adds_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = replace(MINI.info, name="fake", title="Fake")
    opened = MINI.open(None, "valid_u")
    entry = replace(MINI, info=info, open=lambda root, split: opened, matches=lambda root, split: root == tmp_path)
    fake_entry_points(monkeypatch, entry)
    assert list(find_datasets())[-5:] == ["fake", "mini", "mini2", "mevis_v2", "mevis_v1"]
    assert open_dataset(tmp_path, "x") is opened
    assert open_dataset(None, "x", "fake") is opened


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (MINI, "entry point fake = fake_package:ENTRY: duplicate data set 'mini'"),
        (7, "entry point fake = fake_package:ENTRY: expected a DatasetEntry, got int"),
    ],
)
def test_other_entry_points_are_refused(monkeypatch: pytest.MonkeyPatch, value: object, message: str) -> None:
    fake_entry_points(monkeypatch, value)
    with pytest.raises(UsageError) as caught:
        find_datasets()
    assert str(caught.value) == message


def test_runs_and_scores_name_the_data_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_split(tmp_path / "data", *documents(), meta_name="meta_expressions_v2.json")
    out = tmp_path / "run"
    command = ["run", "--task", "rvos", "--method", "empty", "--data", str(tmp_path / "data"), "--out", str(out)]
    assert main(command) == 0
    expected = {"name": "mevis_v2", "version": "2"}
    assert json.loads((out / "manifest.json").read_text())["dataset"] == expected
    assert json.loads((out / "results.json").read_text())["dataset"] == expected
    assert main([*command[:-1], str(tmp_path / "other"), "--data-set", "mevis_v3"]) == 2
    assert "unknown data set 'mevis_v3'\nDid you mean 'mevis_v2'?" in capsys.readouterr().err


def test_files_without_a_data_set_are_still_read_and_scored(tmp_path: Path) -> None:
    write_split(tmp_path / "data", *documents())
    out = tmp_path / "run"
    assert (
        main(["run", "--task", "rvos", "--method", "empty", "--data", str(tmp_path / "data"), "--out", str(out)]) == 0
    )
    for name in ("manifest.json", "results.json"):
        content = json.loads((out / name).read_text())
        del content["dataset"]
        (out / name).write_text(json.dumps(content))
    assert main(["report", str(out)]) == 0
    assert main(["score", str(out)]) == 0


def test_the_command_lists_every_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "data-sets", "--json"]) == 0
    infos = json.loads(capsys.readouterr().out)
    assert [info["name"] for info in infos] == list(find_datasets())
    assert all(info["license"] and info["tasks"] and info["splits"] for info in infos)


@pytest.mark.parametrize("name", find_datasets())
def test_every_data_set_has_all_facts_and_its_recognition_never_raises(tmp_path: Path, name: str) -> None:
    entry = find_datasets()[name]
    info = entry.info
    assert all((info.name == name, info.version, info.title, info.tasks, info.splits, info.license, info.protocol))
    assert all((info.about, info.source, info.layout))
    assert set(info.tasks) <= set(TASK_NAMES)
    if info.submission is not None:
        assert (ROOT / "configs/submission" / f"{info.submission}.yaml").is_file()
    (tmp_path / "valid_u").write_bytes(b"\xff")
    for root in (tmp_path, tmp_path / "nothing", tmp_path / "valid_u"):
        for split in ("valid_u", "../up", "", "a\0b"):
            assert entry.matches(root, split) is False
    for data_format in ("open", "validate"):
        function = getattr(entry, data_format)
        with pytest.raises(UsageError):
            function(tmp_path, "valid_u") if data_format == "open" else function(tmp_path, "valid_u", lambda *_: None)


def test_the_how_to_names_files_and_functions_that_exist() -> None:
    for how_to in ("add-a-data-set", "change-how-rle-is-read"):
        text = (ROOT / f"docs/how-to/{how_to}.md").read_text()
        for path in re.findall(r"`((?:mevis_bench|tests)/[\w/.]+)`", text):
            assert "NAME" in path or (ROOT / path).exists(), path
        for module, function in re.findall(r"`(files|masks|records)((?:\.\w+)+)", text):
            *parts, name = function.strip(".").split(".")
            assert hasattr(importlib.import_module(".".join(["mevis_bench", module, *parts])), name), function


def test_a_split_is_bounded_in_videos_and_a_video_in_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_split(tmp_path / "data")
    meta = tmp_path / "data" / "meta_expressions.json"
    document = json.loads(meta.read_text())
    document["videos"]["va"]["frames"] = [f"{number}" for number in range(100_001)]
    meta.write_text(json.dumps(document))
    with pytest.raises(DataError, match="video va, frames: 100001 frames of a video: expected at most 100000"):
        open_dataset(tmp_path / "data").frame_names("va")
    monkeypatch.setattr(registry, "BOUNDS", Bounds("", {"videos": 2}))
    with pytest.raises(DataError, match="data: 3 videos: expected at most 2"):
        open_dataset(tmp_path / "data")
