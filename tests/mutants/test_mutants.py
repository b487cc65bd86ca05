"""Mutants stay applicable: the text that each replaces is in its file once, and its test files exist."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MUTANTS = [
    pytest.param(mutant, id=f"{file.stem}: {mutant['name']}")
    for file in sorted(Path(__file__).parent.glob("*.toml"))
    for mutant in tomllib.loads(file.read_text())["mutant"]
]


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_can_be_applied(mutant):
    assert mutant.keys() == {"name", "file", "old", "new", "tests"}
    assert (ROOT / mutant["file"]).read_text().count(mutant["old"]) == 1
    assert mutant["old"] != mutant["new"]
    assert mutant["tests"]
    assert all((ROOT / file).is_file() for file in mutant["tests"])
