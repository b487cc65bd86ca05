"""One contract for every registered method, variant and task (``mevis_bench.methods.conformance``)."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

from mevis_bench.methods.conformance import CHECKS, Trial
from mevis_bench.methods.registry import MethodEntry, find_methods
from tests.fixtures.loopback_chat import loopback_chat

REQUIRES = {"dshmp:swin-t-spacy:rvos": "en_core_web_sm"}
"""Packages that a case needs and the test environment may lack."""

CASES = [
    pytest.param((entry, variant, task), id=f"{name}:{variant}:{task}")
    for name, entry in find_methods().methods.items()
    for variant, spec in entry.spec.variants.items()
    for task in spec.tasks
]


@pytest.fixture(scope="module")
def trial(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A loaded variant, kept for all checks of its case."""
    case: tuple[MethodEntry, str, str] = request.param
    entry, variant, task = case
    if entry.spec.environment is not None:
        pytest.skip("runs in an environment of its own; its own tests start one")
    package = REQUIRES.get(f"{entry.spec.name}:{variant}:{task}")
    if package:
        pytest.importorskip(package)
    folder: Path = tmp_path_factory.mktemp("trial")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with loopback_chat(tmp_path_factory.mktemp("home")) if entry.spec.variants[variant].remote else nullcontext():
        yield Trial(entry, variant, task, folder)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("trial", CASES, indirect=True)
@pytest.mark.parametrize("check", CHECKS)
def test_contract(trial: Trial, check: str) -> None:
    CHECKS[check](trial)


def test_every_variant_of_every_task_is_a_case() -> None:
    names = {case.id for case in CASES}
    assert len(names) == len(CASES)
    assert {"lmpmpp:paper:rvos", "lmpmpp:det:rmot", "videollama2:7b:rmeg", "wnet:resnet50:avos"} <= names
    assert not find_methods().broken
