"""In Python the same happens as on the command line."""

import json
from pathlib import Path

import pytest

import mevis_bench
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
