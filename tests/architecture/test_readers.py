"""docs/reference/files.md lists every reader of files with its limits, as the code declares them."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from mevis_bench.records.bounds import Bounds
from tests.paths import ROOT

PACKAGE = ROOT / "mevis_bench"
DOC = ROOT / "docs/reference/files.md"

OPENS = re.compile(
    r"json\.loads?\(|\.read_bytes\(|\.read_text\(|ZipFile\(|Image\.open\(|yaml\.\w*[lL]oad|readall\(|read_regular\("
)
WITHOUT_BOUNDS = {
    "files/reading.py": "reads within the limits of its callers",
    "schemas/__main__.py": "reads the examples of the reference documentation",
    "store/prediction_file.py": "reads the run's own file before it is appended to",
    "store/prediction_lines.py": "reads the id at the start of a line of an already opened file",
    "store/run_folder.py": "reads the run's own files",
    "store/sample_index.py": "reads the run's own files",
}
"""Modules below that read files, with the reason why they need no limit."""


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def declared() -> dict[str, Bounds]:
    """``BOUNDS`` of every module that has them."""
    bounds = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        names = [
            target.id
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        ]
        if "BOUNDS" in names:
            bounds[dotted(path)] = importlib.import_module(dotted(path)).BOUNDS
    return bounds


def rows() -> list[str]:
    """The table of the documentation, from the code."""
    lines = []
    for module, bounds in declared().items():
        limits = ", ".join(
            f"{unit}: {value:,}" if isinstance(value, int) else f"{unit}: {value}"
            for unit, value in bounds.limits.items()
        )
        lines.append(f"| `{module.removeprefix('mevis_bench.')}` | {bounds.files} | {limits} |")
    return lines


def test_the_documentation_lists_the_readers_of_the_code() -> None:
    found = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    assert found == rows(), "Put these rows into docs/reference/files.md:\n" + "\n".join(rows())


@pytest.mark.parametrize("folder", ["records", "files", "masks", "schemas", "data", "store"])
def test_whatever_opens_files_declares_limits(folder: str) -> None:
    """A reader added without limits fails here."""
    readers = {
        str(path.relative_to(PACKAGE)) for path in (PACKAGE / folder).rglob("*.py") if OPENS.search(path.read_text())
    }
    known = {path for path in WITHOUT_BOUNDS if path.startswith(f"{folder}/")}
    bounded = {f"{module.removeprefix('mevis_bench.').replace('.', '/')}.py" for module in declared()}
    assert readers - bounded - known == set()
    assert known <= readers


def test_a_value_over_its_limit_is_an_error_that_names_both() -> None:
    from mevis_bench.records import DataError

    bounds = Bounds("files", {"bytes": 10})
    bounds.check("bytes", 10, "x")
    with pytest.raises(DataError) as caught:
        bounds.check("bytes", 11, "x")
    assert str(caught.value) == "x: 11 bytes: expected at most 10"
