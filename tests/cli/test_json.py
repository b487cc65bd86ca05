"""``--json`` is exactly one document on standard output, on every command that has it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from mevis_bench.cli.app import app, main
from mevis_bench.records import ExitCode
from tests.fuzz.targets import SCORE
from tests.fuzz.world import CPU, DATA, OUT, build, environment
from tests.paths import ROOT

COMMANDS: dict[str, tuple[str, ...]] = {
    "run": ("--task", "rvos,rmot", "--method", "empty", *DATA, *CPU, "--limit", "2", "--out", OUT),
    "try": ("data/JPEGImages/va", "left one", "--method", "empty", *CPU, "--out", OUT),
    "score": ("preds.json", *(word for word in SCORE if word != "--json")),
    "merge": ("half_1", "half_2", "--out", OUT),
    "status": ("rvos", "rvos_b"),
    "watch": ("rvos",),
    "cost": ("rvos",),
    "pairs": ("bundled",),
    "suite": ("suite.yaml", "--out", OUT),
    "data verify": ("data",),
    "data info": ("ref_davis17",),
    "data make-fixture": ("ref_davis17", "--out", OUT),
    "data make-mini": ("--split", "x", "--videos", "1", "--seed", "1", "--out", OUT),
    "data export": (*DATA, "--frames", "copy", "--out", OUT),
    "data import": ("foreign", "--out", OUT),
    "list tasks": (),
    "list data-sets": (),
    "list methods": (),
    "show method": ("lmpmpp",),
    "doctor": (),
    "weights list": (),
    "weights verify": (),
    "weights prune": (),
    "report": ("rvos", "rvos_b", "rmot"),
    "protocol": ("rvos",),
    "compare": ("rvos", "rvos_b"),
    "gate": ("rvos", "rvos_b", "--expected", "base.json"),
    "failures": ("rvos",),
    "gallery": ("rvos", "--out", OUT),
    "site": ("rvos", "--file", "history.jsonl", "--out", OUT),
    "submit pack": ("rvos", "--out", f"{OUT}.zip"),
    "submit check": ("submission.zip", *DATA),
}
"""Arguments of every command, for the folder that the fuzz tests use."""

ELSEWHERE = {
    "train": "cli/test_train.py",
    "roundtrip": "runs/test_round_trip.py",
    "selfcheck": "runs/test_selfcheck.py",
    "points": "cli/test_points.py",
    "calibrate": "reports/test_calibration.py",
    "data get": "cli/test_data_get.py",
    "weights add": "cli/test_weights.py",
    "weights get": "cli/test_weights_get.py",
    "push": "cli/test_push.py",
    "pull": "cli/test_push.py",
    "env doctor": "execution/test_environments.py",
    "env diff": "execution/test_environments.py",
}
"""Commands that take long or need an environment or a hub, and the test that reads their document."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("world")
    with environment(folder) as hub:
        build(hub)
        run = (
            "run",
            "--task",
            "rvos",
            "--method",
            "empty",
            "--data",
            str(ROOT / "mevis_bench" / "data" / "mini"),
            *CPU,
        )
        assert main([*run, "--split", "valid_u", "--videos", "00000..00003", "--out", "bundled"]) == ExitCode.OK
        yield folder


def with_json(command: object, name: str = "") -> Iterator[str]:
    """Names of the commands that have the option."""
    children = getattr(command, "commands", None)
    if children is None:
        if any("--json" in parameter.opts for parameter in command.params):
            yield name
        return
    for child in children:
        yield from with_json(children[child], f"{name} {child}".strip())


def test_every_command_with_json_is_tested() -> None:
    assert set(with_json(typer.main.get_command(app))) == COMMANDS.keys() | ELSEWHERE.keys()
    for command, file in ELSEWHERE.items():
        assert '"--json"' in (Path(__file__).parents[1] / file).read_text(), command


@pytest.mark.parametrize("name", COMMANDS)
def test_standard_output_is_one_document(name: str, world: Path, tmp_path: Path, capsys) -> None:
    words = [word.replace(OUT, str(tmp_path / OUT), 1) if word.startswith(OUT) else word for word in COMMANDS[name]]
    assert main([*name.split(), *words, "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)
