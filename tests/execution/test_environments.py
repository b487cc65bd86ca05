"""Environments are created, checked and compared, offline and with real interpreters."""

import json
import shutil
import sys
import zipfile
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.execution import environments
from mevis_bench.records import ExitCode
from tests.fixtures.isolated_methods import environment_like_this, old_interpreter, write_isolated_method


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MEVIS_BENCH_ENVIRONMENTS", str(tmp_path / "environments"))
    monkeypatch.setenv("MEVIS_BENCH_METHOD_DIR", str(tmp_path / "methods"))
    return tmp_path


def write_wheel(folder: Path, version: str) -> None:
    """Write the smallest wheel there can be."""
    folder.mkdir(exist_ok=True)
    info = f"fakelib-{version}.dist-info"
    with zipfile.ZipFile(folder / f"fakelib-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("fakelib.py", f"VERSION = '{version}'\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: fakelib\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def require(place: Path, *requirements: str) -> None:
    wheels = ["--no-index", f"--find-links {place / 'wheels'}"]
    (place / "methods" / "fake" / "requirements.txt").write_text("\n".join([*wheels, *requirements]) + "\n")


CODE = '"""Fake."""\n\nimport fakelib\n\n\ndef load(setup):\n    return fakelib\n'


@pytest.mark.parametrize("tool", ["uv", pytest.param("venv", marks=pytest.mark.slow)])
def test_create_doctor_and_diff(place: Path, capsys, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if tool == "venv":
        monkeypatch.setattr(environments, "_find_uv", lambda: None)
    elif environments._find_uv() is None:
        pytest.skip("uv is not installed")
    write_wheel(place / "wheels", "1.4")
    write_isolated_method(place / "methods", environment="  requirements: requirements.txt\n")
    (place / "methods" / "fake" / "method.py").write_text(CODE)
    require(place, "fakelib==1.4  # pinned", "# a remark", "other>=2; python_version < '3.0'")
    python = old_interpreter(8)
    assert main(["env", "create", "fake", "--python", str(python)]) == ExitCode.OK
    assert "check it:  mevis-bench env doctor fake" in capsys.readouterr().err
    assert main(["env", "doctor", "fake"]) == ExitCode.OK
    output = capsys.readouterr().out
    assert "ok    packages  1 of 1 requirements are met" in output
    assert "ok    method.py can be imported" in output
    assert "ok    python    3.8." in output
    require(place, "fakelib==1.5", "absent")
    assert main(["env", "diff", "fake", "--json"]) == ExitCode.FAILED
    assert json.loads(capsys.readouterr().out) == [
        {"required": "fakelib==1.5", "installed": "1.4", "fits": False, "wanted": "fakelib==1.5"},
        {"required": "absent", "installed": None, "fits": False, "wanted": "absent"},
    ]
    assert main(["env", "doctor", "fake"]) == ExitCode.FAILED
    output = capsys.readouterr().out
    assert "error packages  0 of 2 requirements are met: fakelib==1.5 (1.4), absent (not installed)" in output


def test_a_failed_create_leaves_nothing_and_shows_the_output_of_the_tool(place: Path, capsys) -> None:
    write_isolated_method(place / "methods", environment="  requirements: requirements.txt\n")
    require(place, "surely_not_there")
    (place / "wheels").mkdir()
    assert main(["env", "create", "fake", "--python", sys.executable]) == ExitCode.FAILED
    output = capsys.readouterr().err
    assert "exited with code" in output
    assert "surely" in output
    assert not (place / "environments" / "fake").exists()


def test_an_existing_environment_is_not_touched(place: Path, capsys) -> None:
    write_isolated_method(place / "methods")
    environment_like_this(place / "environments" / "fake")
    assert main(["env", "create", "fake"]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        f"error: {place / 'environments' / 'fake'}: the environment exists already\n"
        "mevis-bench env doctor fake checks it; --recreate replaces it.\n"
    )


@pytest.mark.parametrize("command", ["create", "doctor", "diff"])
def test_a_method_without_environment_says_so(place: Path, capsys, command: str) -> None:
    (place / "methods").mkdir()
    assert main(["env", command, "empty"]) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "error: 'empty' runs in the environment of mevis-bench\n"
        "Only methods whose method.yaml has 'environment:' have one.\n"
    )


def test_doctor_names_every_problem(place: Path, capsys) -> None:
    methods = write_isolated_method(place / "methods")
    assert main(["env", "doctor", "fake"]) == ExitCode.FAILED
    assert "error process   does not start: " in capsys.readouterr().out
    environment_like_this(place / "environments" / "fake")
    spec = methods / "fake" / "method.yaml"
    spec.write_text(spec.read_text().replace(">=3.7", "<3.9"))
    (methods / "fake" / "method.py").write_text("import not_installed_here\n")
    assert main(["env", "doctor", "fake"]) == ExitCode.FAILED
    output = capsys.readouterr().out
    assert f"error python    {sys.version.split()[0]}: <3.9 is required" in output
    assert "error method.py cannot be imported: ModuleNotFoundError: No module named 'not_installed_here'" in output


def test_a_python_that_does_not_fit_is_refused(place: Path, capsys) -> None:
    methods = write_isolated_method(place / "methods")
    spec = methods / "fake" / "method.yaml"
    spec.write_text(spec.read_text().replace(">=3.7", "<3.7"))
    assert main(["env", "create", "fake", "--python", sys.executable]) == ExitCode.USAGE
    version = sys.version.split()[0]
    assert capsys.readouterr().err == f"error: --python {sys.executable}: expected Python <3.7, got {version}\n"


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        (
            "environment:\n  python: new\n",
            "'environment.python': expected a version specifier like '>=3.8,<3.9'",
        ),
        (
            'environment:\n  python: ">=3.8"\n  requirements: ../r.txt\n',
            "invalid requirements '../r.txt'",
        ),
        ('environment:\n  python: ">=3.8"\n  pythn: 1\n', "unknown key 'environment.pythn'"),
        *(
            (
                f'environment:\n  python: ">=3.8"\n  {key}: {value}\n',
                f"'environment.{key}'{error}",
            )
            for key in ("answer_seconds", "load_seconds")
            for value, error in (
                (".nan", ": expected a finite number, got nan"),
                (".inf", ": expected a finite number, got inf"),
                ("0", ": expected a number > 0 and <= 604800, got 0"),
                ("-2.5", ": expected a number > 0 and <= 604800, got -2.5"),
                ("1e+300", ": expected a number > 0 and <= 604800, got 1e+300"),
            )
        ),
        (
            "command:\n  checkout: code\n  run: [x]\n",
            "a command writes PNG masks: expected tasks [rvos] and outputs [masks]",
        ),
    ],
)
def test_what_method_yaml_says_is_checked(place: Path, capsys, lines: str, what: str) -> None:
    methods = write_isolated_method(place / "methods")
    spec = methods / "fake" / "method.yaml"
    spec.write_text(spec.read_text().partition("environment:")[0] + lines)
    assert main(["show", "method", "fake"]) == ExitCode.FAILED
    assert what in capsys.readouterr().err


def test_the_newest_python_that_fits_is_chosen(place: Path) -> None:
    from mevis_bench.schemas.method_file import EnvironmentSpec

    old = old_interpreter(8)
    chosen = environments._choose_python(EnvironmentSpec(python=">=3.7,<3.9"), None)
    assert chosen is not None
    version = environments._version(chosen)
    assert version is not None
    assert version.startswith("3.8.")
    assert environments._choose_python(EnvironmentSpec(python="<3"), None) is None
    assert old.exists()
    assert shutil.which("python3.2") is None
