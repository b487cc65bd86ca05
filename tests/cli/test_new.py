"""``mevis-bench new method`` makes a method that runs, scores and passes its own test."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from tests.fixtures.tiny_split import write_tiny_split
from tests.paths import ROOT


def test_a_new_method_passes_its_own_test_and_runs(tmp_path: Path, capsys) -> None:
    methods = tmp_path / "methods"
    assert main(["new", "method", "my_thing", "--out", str(methods)]) == ExitCode.OK
    err = capsys.readouterr().err
    assert f"test it:  pytest {methods / 'my_thing'}" in err
    assert f"mevis-bench run --task rvos --method my_thing --method-dir {methods} --limit 10" in err
    texts = [path.read_text() for path in (methods / "my_thing").iterdir() if path.is_file()]
    assert not [text for text in texts if "skeleton" in text.lower()]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null", str(methods)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=_environment())
    assert done.returncode == 0, done.stdout
    write_tiny_split(tmp_path / "data")
    words = ["--method-dir", str(methods), "--data", str(tmp_path / "data"), "--out", str(tmp_path / "run"), "--json"]
    assert main(["run", "--task", "rvos", "--method", "my_thing", *words]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["done"] == 8
    assert (
        main(["run", "--task", "rvos", "--method", "my_thing", *words, "--set", "method.contrast=-1"]) == ExitCode.USAGE
    )
    assert "--set method.contrast: 'contrast': expected a number >= 0" in capsys.readouterr().err


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize(("given", "name", "title"), [("MINE", "mine", "MINE"), ("My-Net2", "my_net2", "My-Net2")])
def test_a_name_in_any_case_becomes_the_method_s_name_and_its_title(
    given: str, name: str, title: str, tmp_path: Path, capsys
) -> None:
    assert main(["new", "method", given, "--out", str(tmp_path)]) == ExitCode.OK
    assert f"--method {name} --method-dir {tmp_path}" in capsys.readouterr().err
    words = ["run", "--task", "rvos", "--method", name, "--method-dir", str(tmp_path), "--dry-run", "--json"]
    assert main([*words, "--data", str(write_tiny_split(tmp_path / "data"))]) == ExitCode.OK
    assert f"title: {title}\n" in (tmp_path / name / "method.yaml").read_text()
    assert (tmp_path / name / f"test_{name}.py").is_file()


def test_wrong_and_taken_names(tmp_path: Path, capsys) -> None:
    assert main(["new", "method", "my.thing", "--out", str(tmp_path)]) == ExitCode.USAGE
    message = "invalid method name 'my.thing': expected letters, digits, _ and -, a letter first"
    assert message in capsys.readouterr().err
    assert main(["new", "method", "Empty", "--out", str(tmp_path)]) == ExitCode.USAGE
    assert "baselines/empty: the name 'empty' is taken" in capsys.readouterr().err
    (tmp_path / "here").mkdir()
    assert main(["new", "method", "here", "--out", str(tmp_path)]) == ExitCode.USAGE
    assert "here: the folder exists\nGive another name or --out." in capsys.readouterr().err
