"""The tutorial's notebook runs in a kernel of its own, as a reader runs it; it is stored without outputs."""

from pathlib import Path

import pytest

from tests.paths import ROOT

nbformat = pytest.importorskip("nbformat")
PATH = ROOT / "docs" / "tutorial.ipynb"


def test_no_output_is_stored() -> None:
    code = [cell for cell in nbformat.read(PATH, as_version=4).cells if cell.cell_type == "code"]
    assert [cell.outputs for cell in code] == [[] for _ in code]
    assert {cell.execution_count for cell in code} == {None}


def test_every_cell_runs_and_shows_what_its_text_says(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("ipykernel")
    client = pytest.importorskip("nbclient")
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    client.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [
        output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "execute_result"
    ]
    metrics, runs, samples, differences, arrays = shown
    assert "'T-acc': 1.0" in metrics["text/plain"]
    assert "moving_region:default" in runs["text/html"]
    assert samples["text/html"].count("<tr") == 1 + 5
    assert "None, None" in differences["text/plain"]
    assert "'J'" in arrays["text/plain"]
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"notebook-empty", "notebook-moving"}
