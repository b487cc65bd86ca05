"""The Python API does what the commands do, and its examples are right."""

import doctest
import importlib
import json
import sys
from pathlib import Path

import pytest

import mevis_bench
from mevis_bench import api
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import UsageError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mini("tiny", 1, 3, tmp_path_factory.mktemp("data"))


def test_run_score_and_load(data: Path, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    finished = mevis_bench.run(task="rvos", method="empty", data=data, split="tiny", out=tmp_path / "run")
    folder = finished.report.folder.path
    scored = mevis_bench.score(folder, data=data, split="tiny")
    assert scored.results == finished.results
    frame = mevis_bench.load_results(folder)
    assert frame.loc[0, "name"] == "empty"
    assert frame.loc[0, "N-acc"] == json.loads((folder / "results.json").read_text())["metrics"]["N-acc"]
    scores = mevis_bench.load_scores(folder)
    assert len(scores) == scored.results.counts["scored"]
    scores.to_parquet(tmp_path / "scores.parquet")
    assert pandas.read_parquet(tmp_path / "scores.parquet")["expression"].tolist() == scores["expression"].tolist()


def test_a_wrong_key_is_named(data: Path) -> None:
    with pytest.raises(UsageError, match="method"):
        mevis_bench.run(task="rvos", method="emty", data=data, split="tiny")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        mevis_bench.rum  # noqa: B018


def test_the_package_has_every_name_of_the_api() -> None:
    assert set(mevis_bench.__all__) == {*api.__all__, "__version__"}
    for name in api.__all__:
        assert getattr(mevis_bench, name) is getattr(api, name)
        assert getattr(api, name).__doc__


@pytest.mark.parametrize(
    "name", ["score_masks", "score_tracks", pytest.param("score_captions", marks=pytest.mark.java)]
)
def test_examples_of_docstrings(name: str) -> None:
    function = getattr(api, name)
    (test,) = doctest.DocTestFinder().find(function, name, globs={name: function})
    result = doctest.DocTestRunner().run(test)
    assert result.attempted >= 2
    assert result.failed == 0


def test_compare_and_merge(tmp_path: Path) -> None:
    for index in (1, 2):
        mevis_bench.run("rvos", "empty", limit=24, shard=f"{index}/2", out=tmp_path / f"{index}")
    manifest, results = mevis_bench.merge(tmp_path / "1", tmp_path / "2", out=tmp_path / "all", protocol="mevis_v1")
    assert manifest.status == "finished"
    assert results is not None
    assert results.protocol == "mevis_v1"
    mevis_bench.run("rvos", "moving_region", limit=24, protocol="mevis_v1", out=tmp_path / "b")
    comparison = mevis_bench.compare(tmp_path / "all", tmp_path / "b", metric="J")
    assert comparison.metric == "J"
    assert comparison.unpaired == 0


def test_the_former_name_of_the_module_warns() -> None:
    sys.modules.pop("mevis_bench.notebook", None)
    with pytest.warns(DeprecationWarning, match=r"mevis_bench\.notebook is now mevis_bench\.api"):
        notebook = importlib.import_module("mevis_bench.notebook")
    assert notebook.load_scores is api.load_scores
