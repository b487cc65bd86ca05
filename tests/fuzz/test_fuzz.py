"""Mutated files: no traceback, no hang, no memory beyond a limit, no changed score, and a documented exit code.

``MEVIS_BENCH_FUZZ`` is the number of mutations (2,000; ``make fuzz``: 20,000), ``MEVIS_BENCH_FUZZ_SEED`` the first
seed. A failure writes the input below ``fuzz-failures/`` and prints its seed.
"""

import os
import shutil
from collections.abc import Iterator

import pytest

from tests.fuzz.runner import FAILURES, Fuzzer, write_failure
from tests.fuzz.world import build, environment

MUTATIONS = int(os.environ.get("MEVIS_BENCH_FUZZ", "2000"))
FIRST_SEED = int(os.environ.get("MEVIS_BENCH_FUZZ_SEED", "0"))
CHUNK = 100


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzer]:
    world = tmp_path_factory.mktemp("world")
    with environment(world) as hub:
        build(hub)
        pristine = tmp_path_factory.mktemp("pristine") / "world"
        shutil.copytree(world, pristine)
        yield Fuzzer(world, pristine, hub)


@pytest.mark.parametrize("start", range(FIRST_SEED, FIRST_SEED + MUTATIONS, CHUNK))
def test_no_mutation_breaks_a_command(fuzzer: Fuzzer, pytestconfig: pytest.Config, start: int) -> None:
    problems = []
    for seed in range(start, min(start + CHUNK, FIRST_SEED + MUTATIONS)):
        path, content, command, outcome = fuzzer.case(seed)
        if outcome.problem is not None:
            text = f"{outcome.problem}\n{outcome.output}"
            folder = write_failure(pytestconfig.rootpath / FAILURES, seed, path, content, command, text)
            problems.append(f"{folder}: {' '.join(command)}: {outcome.problem[-300:]}")
    assert not problems, "\n".join(problems)
