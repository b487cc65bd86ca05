"""The method keeps the contract of all methods, in every variant and task."""

from pathlib import Path

import pytest

from mevis_bench.methods.conformance import CHECKS, Trial, tasks_and_variants

FOLDER = Path(__file__).parent


@pytest.fixture(scope="module", params=tasks_and_variants(FOLDER), ids=":".join)
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trial:
    """One variant, loaded for one task."""
    task, variant = request.param
    return Trial.of(FOLDER, variant, task, tmp_path_factory.mktemp("trial"))


@pytest.mark.parametrize("check", CHECKS)
def test_contract(trial: Trial, check: str) -> None:
    """Prompts, sizes, seeds, outputs: see mevis_bench/methods/conformance.py."""
    CHECKS[check](trial)
