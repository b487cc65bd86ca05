"""Prediction formats: each recognizes its own files only, and all are registered."""

import importlib
import json
import pkgutil
from pathlib import Path

import pytest

from mevis_bench.files.tree import Folder
from mevis_bench.records import DataError, UsageError
from mevis_bench.store import formats
from mevis_bench.store.formats.json_predictions import JsonPredictions
from mevis_bench.store.formats.refer_kitti import expression_name
from mevis_bench.store.formats.tree_predictions import TreePredictions
from mevis_bench.store.open_predictions import FORMATS, open_predictions
from mevis_bench.store.prediction_source import FrameSpec, LoadedMasks
from tests.fixtures.split_documents import FRAMES, HEIGHT, WIDTH, square

FILES = {
    "official PNG tree": ["cat/0/00000.png", "cat/0/00001.PNG", "cat/1/00000.png"],
    "label images by annotator": ["anno_0/cat/00000.png", "anno_0/cat/00001.png", "anno_1/cat/00000.png"],
    "Refer-KITTI text": ["cat/a-cat--0/predict.txt", "cat/1/predict.txt"],
    "run folder": ["cat.jsonl"],
    "MOT text": ["cat/0.txt", "cat/1.txt"],
}
LINES = '{"expression": "0", "kind": "caption"}\n{"expression": "1", "kind": "caption"}\n'
CLIP = FrameSpec("cat", tuple(FRAMES), HEIGHT, WIDTH)


def write_files(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(LINES)
    return root


def test_every_format_of_the_folder_is_registered() -> None:
    for module in pkgutil.iter_modules(formats.__path__):
        importlib.import_module(f"{formats.__name__}.{module.name}")
    assert set(FORMATS) == set(TreePredictions.__subclasses__())
    assert {item.format for item in FORMATS} == FILES.keys()


@pytest.mark.parametrize("name", FILES)
def test_files_are_opened_with_their_own_format(tmp_path: Path, name: str) -> None:
    matching = [item.format for item in FORMATS if item.matches(FILES[name])]
    # Label images lie as deep as the PNG tree's, so their names decide first.
    assert matching == ([name, "official PNG tree"] if name == "label images by annotator" else [name])
    source = open_predictions(write_files(tmp_path, FILES[name]))
    assert source.format == name
    assert source.samples() == {"cat/0", "cat/1"}
    assert source.only("cat").samples() >= {"cat/0", "cat/1"}


@pytest.mark.parametrize("item", FORMATS)
def test_files_are_listed_once(tmp_path: Path, item: type[TreePredictions]) -> None:
    files = Folder(write_files(tmp_path, FILES[item.format]))
    calls: list[int] = []

    class CountingFolder(Folder):
        def names(self) -> list[str]:
            calls.append(1)
            return list(files.names())

    source = item(CountingFolder(tmp_path))
    assert source.samples() == source.samples()
    assert len(calls) == 1


def test_json_is_recognized_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.JSON").write_text('{"cat": {"0": "a cat"}}')
    source = open_predictions(tmp_path / "a.JSON")
    assert isinstance(source, JsonPredictions)
    assert source.samples() == {"cat/0"}


def test_masks_below_the_key_of_sa2va_are_those_of_a_list(tmp_path: Path) -> None:
    masks = [square(1), None, square(4)]
    read = []
    for name, value in (("list", masks), ("sa2va", {"prediction_masks": masks})):
        (tmp_path / f"{name}.json").write_text(json.dumps({"cat": {"0": value}}))
        loaded = open_predictions(tmp_path / f"{name}.json").read("0", CLIP)
        assert isinstance(loaded, LoadedMasks)
        read.append(loaded.rows.to_dense())
    assert (read[0] == read[1]).all()
    assert [mask.sum() for mask in read[1]] == [4, 0, 4]
    assert read[1][2, 1:3, 4:6].all()


def test_other_keys_beside_that_of_sa2va_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"cat": {"0": {"prediction_masks": [], "more": 1}}}))
    with pytest.raises(DataError, match=r"a\.json, cat/0"):
        open_predictions(tmp_path / "a.json").read("0", CLIP)


def test_what_is_no_prediction_names_every_layout(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("")
    for path, message in ((tmp_path, "no predictions found"), (tmp_path / "a.txt", "unknown format of predictions")):
        with pytest.raises(DataError, match=message) as caught:
            open_predictions(path)
        assert caught.value.hint is not None
        assert all(item.layout in caught.value.hint for item in FORMATS)
    with pytest.raises(UsageError, match="no such file or folder"):
        open_predictions(tmp_path / "nothing")


def test_names_of_refer_kitti_are_valid_names_however_long_the_sentence() -> None:
    name = expression_name("7" * 150, "a very long sentence " * 50)
    assert len(name) == 200
    assert name.endswith("--" + "7" * 150)
