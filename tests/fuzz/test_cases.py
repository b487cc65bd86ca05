"""The small inputs of ``../shared/cases/fuzz``, each of which stands for its kind: one clear error each."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.runner import run
from tests.fuzz.world import build, environment
from tests.paths import SHARED

CASES = SHARED / "cases" / "fuzz"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("world")
    with environment(folder) as hub:
        build(hub)
        shutil.copytree("methods/fake", "methods/fuzzy")
        yield folder


@pytest.mark.shared
@pytest.mark.parametrize("index", range(32))
def test_a_case_gives_one_error(world: Path, tmp_path: Path, index: int) -> None:
    case = json.loads((CASES / "cases.json").read_text())[index]
    shutil.copytree(world, tmp_path / "world")
    os.chdir(tmp_path / "world")
    if case["case"] == "suite: mutation":
        pytest.skip("a valid suite, which takes a minute")
    (name,), (stands_for,) = case["input"], case["stands for"]
    path = Path(stands_for.replace("00000/", "va/").replace("00000.jsonl", "va.jsonl"))
    if (CASES / name).is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CASES / name, path)
    else:  # a folder in place of the file
        path.unlink()
        path.mkdir()
    words = [word.replace("00000/0", "va/0") for word in case["command"]]
    words = ["fake" if word == "moving_region" else word for word in words]
    outcome = run([*words, *(["--method-dir", "methods"] if words[0] == "run" and "--method" in words else [])])
    os.chdir(world)
    assert outcome.problem is None
    assert outcome.code in ((0,) if words[0] == "list" else (1, 2, 4)), outcome.output
    assert any(word in outcome.output for word in ("error: ", "1 errors", "failed va/", "✗ invalid")), outcome.output
