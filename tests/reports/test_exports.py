"""Exports contain the values of results.json and scores.jsonl; tools that are not installed are replaced by fakes."""

import importlib
import importlib.metadata
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from mevis_bench.records import UsageError
from mevis_bench.reports.exports import export
from mevis_bench.store.score_files import read_results, read_scores
from tests.fixtures.scored_runs import constant_run


def exporter(name: str) -> Any:
    return importlib.import_module(f"mevis_bench.reports.exports.{name}").export


def call(name: str, folder: Path) -> str:
    return str(exporter(name)(folder, read_results(folder), read_scores(folder)))


def test_parquet_has_one_row_per_sample(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(call("parquet", constant_run(tmp_path / "a")))
    assert len(frame) == 60
    assert set(frame["J"]) == {0.6}
    assert set(frame["name"]) == {"lmpmpp"}


class FakeTool(types.ModuleType):
    """Fake of wandb, mlflow or torch.utils.tensorboard that records every call."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def record(*args: Any, **keys: Any) -> "FakeTool":
            self.calls.append((name, args, keys))
            return self

        if name == "summary":
            return self
        return record

    def __enter__(self) -> "FakeTool":
        return self

    def __exit__(self, *_: object) -> None:
        self.calls.append(("closed", (), {}))


@pytest.mark.parametrize(
    ("name", "module", "logged"),
    [
        ("wandb", "wandb", ("update", ({"J": 0.6},), {})),
        ("mlflow", "mlflow", ("log_metrics", ({"J": 0.6},), {})),
        ("tensorboard", "torch.utils.tensorboard", ("add_scalar", ("rvos/J", 0.6), {})),
    ],
)
def test_a_fake_tool_is_given_the_defined_aggregates_and_closed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    module: str,
    logged: tuple[str, tuple[object, ...], dict[str, object]],
) -> None:
    fake = FakeTool(module)
    monkeypatch.setitem(sys.modules, module, fake)
    call(name, constant_run(tmp_path / "a"))
    assert logged in fake.calls
    assert "closed" in [entry[0] for entry in fake.calls]


def test_an_unknown_exporter_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown exporter 'excel'"):
        export(constant_run(tmp_path / "a"), "excel")


def test_a_missing_package_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "wandb" not in {entry.name for entry in importlib.metadata.entry_points(group="mevis_bench.exports")}:
        pytest.skip("mevis-bench is not installed in this environment, so it has no entry points")
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UsageError, match=r"export to wandb requires a package: .*\npip install wandb"):
        export(constant_run(tmp_path / "a"), "wandb")
