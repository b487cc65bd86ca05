"""The table of the paper's methods is what the repository has, and fits a terminal."""

import ast
import json

from mevis_bench.cli import app
from mevis_bench.methods.capabilities import FILE, cells, read_capabilities
from mevis_bench.schemas.capabilities import PaperMethod
from mevis_bench.schemas.json_files import encode_document
from scripts.collect_capabilities import PAGE, collect, page
from tests.paths import ROOT

AGAIN = "run: python -m scripts.collect_capabilities"


def test_the_files_are_up_to_date() -> None:
    found = collect()
    assert FILE.read_text() == encode_document(found), AGAIN
    assert PAGE.read_text() == page(found), AGAIN


def test_what_is_collected_is_there() -> None:
    methods = {method.title: method for method in read_capabilities()}
    assert (methods["HTML"].method, methods["TempCD"].method) == (None, None)
    assert methods["LMPM++"].mini == "shipped"
    vast = methods["VAST"]
    assert (vast.method, vast.official_file, vast.tables) == ("vast", "loads", (12,))
    tree = ast.parse((ROOT / "tests/baselines/vast/test_parity_vast.py").read_text())
    assert set(vast.parity) <= {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    for method in methods.values():
        for variant in method.training:
            assert (ROOT / "configs" / "train" / f"{method.method}-{variant}.yaml").is_file()


def test_tables_are_written_as_ranges() -> None:
    method = PaperMethod("X", (5, 6, 7, 9), None, "-", (), (), "-")
    assert cells(method) == ("X", "5-7, 9", "data only", "-", "-", "-", "-")


def test_the_table_fits_a_terminal(monkeypatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert app.main(["list", "methods", "--capabilities"]) == 0
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert max(len(line) for line in lines) <= 80
    assert len(lines) == len(read_capabilities()) + 2  # names of the columns, a rule
    assert [word for line in lines for word in line.split() if word in ("HTML", "TempCD")] == ["HTML", "TempCD"]


def test_the_table_as_json(capsys) -> None:
    assert app.main(["list", "methods", "--capabilities", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["title"] for row in rows] == [method.title for method in read_capabilities()]
