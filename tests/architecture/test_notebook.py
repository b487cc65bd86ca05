"""The code of the tutorial's notebook runs from its first to its last cell; it is stored without outputs."""

import json
from pathlib import Path

import pytest

from tests.paths import ROOT

CELLS = json.loads((ROOT / "docs" / "tutorial.ipynb").read_text())["cells"]


def test_no_output_is_stored() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert [cell["outputs"] for cell in code] == [[] for _ in code]
    assert {cell["execution_count"] for cell in code} == {None}


def test_every_cell_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for cell in CELLS:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert names["comparison"]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"notebook-empty", "notebook-moving"}
