"""The method loads and answers every task it names, in the form the harness wants."""

from pathlib import Path

import pytest

from mevis_bench.methods.conformance import check_method, tasks_and_variants

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(("task", "variant"), tasks_and_variants(FOLDER))
def test_it_answers(task: str, variant: str, tmp_path: Path) -> None:
    """Every variant answers three prompts about a small video."""
    answers = check_method(FOLDER, task, variant, tmp_path)
    assert len(answers) == 3
