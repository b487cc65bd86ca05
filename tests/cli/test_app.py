"""Command line entry point: start-up time, error messages, exit codes, environment variables."""

import errno
import json
import os
import resource
import subprocess
import sys

import pytest

from mevis_bench.cli import app
from mevis_bench.records import DataError, ExitCode
from mevis_bench.records.retry import RESUME_HINT

HEAVY = ("torch", "numba", "transformers", "scipy", "pandas", "ray")


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["--help"], ["list", "methods"], ["list", "tasks"], ["show", "method", "empty"]])
def test_start_is_light(words: list[str]) -> None:
    code = (
        "import sys\n"
        "from mevis_bench.cli.app import main\n"
        f"code = main({words!r})\n"
        f"sys.exit(repr(sorted(m for m in {HEAVY!r} if m in sys.modules)) if code == 0 else f'code {{code}}')\n"
    )
    assert _python(code).stderr.strip() == "[]"


def test_help_starts_within_its_time_limit() -> None:
    # Processor time, because wall time depends on other processes; with bytecode caching, as on users' machines.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "mevis_bench", "--help"], capture_output=True, check=True, env=environment
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(times) < 0.7, times


def test_unknown_command_option_and_value_suggest_and_exit_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["lst"]) == ExitCode.USAGE
    assert "error: No such command 'lst'. Did you mean 'list'?" in capsys.readouterr().err
    assert app.main(["list", "methods", "--jsn"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "error: No such option: --jsn. Did you mean --json?" in err
    assert "See mevis-bench list methods --help" in err


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["run", "--method", "a", "--method", "b"], "--method: {}\nSeparate several by commas: --method A,B.\n"),
        (
            ["try", "clip", "it", "--method=a", "--method", "b"],
            "--method: {}\nSeparate several by commas: --method A,B.\n",
        ),
        (["score", "preds", "--split", "a", "--split", "a"], "--split: {}\nGive it once.\n"),
        (["data", "verify", "--data-set", "a", "--data-set", "b"], "--data-set: {}\nGive it once.\n"),
    ],
)
def test_an_option_with_one_value_is_given_once(words: list[str], error: str, capsys) -> None:
    assert app.main(words) == ExitCode.USAGE
    assert capsys.readouterr().err == f"error: {error.format('the option is given more than once')}"


def test_flags_and_lists_may_be_repeated(capsys) -> None:
    words = ["list", "methods", "--method-dir", ".", "--method-dir", ".", "--json", "--json"]
    assert app.main(words) == ExitCode.OK


@pytest.mark.parametrize("words", [[], ["run"], ["data", "verify"], ["gate"], ["show"], ["show", "method"]])
def test_help_shows_no_python_types(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([*words, "--help"]) == ExitCode.OK
    output = capsys.readouterr().out
    assert "--help" in output
    for name in ("<class", "<bool>", "<path>", "<str>", "<list"):
        assert name not in output


def test_every_option_has_an_environment_variable() -> None:
    pairs = [
        (option.opts[0], option.envvar)
        for command in _leaves(app._Commands())
        for option in command.params
        if option.param_type_name == "option" and option.opts[0].startswith("--")
    ]
    assert len(pairs) > 5
    for flag, variable in pairs:
        assert variable == "MEVIS_BENCH_" + flag[2:].replace("-", "_").upper()


def _leaves(commands):
    for command in commands.values():
        yield from _leaves(command.commands) if hasattr(command, "commands") else [command]


def test_environment_variable_sets_an_option(monkeypatch, capsys) -> None:
    monkeypatch.setenv("MEVIS_BENCH_JSON", "1")
    assert app.main(["list", "methods"]) == 0
    assert any(row["name"] == "empty:default" for row in json.loads(capsys.readouterr().out)["methods"])


def _make_list_raise(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("mevis_bench.methods.registry.find_methods", fail)


def test_user_errors_are_one_message_without_traceback(monkeypatch, capsys) -> None:
    _make_list_raise(monkeypatch, DataError("is [red]odd[/red]", location="a.yaml:3", hint="Fix it."))
    assert app.main(["list", "methods"]) == ExitCode.USAGE
    assert capsys.readouterr().err == "error: a.yaml:3: is [red]odd[/red]\nFix it.\n"


def test_ctrl_c_is_130_and_explains_how_to_resume(monkeypatch, capsys) -> None:
    _make_list_raise(monkeypatch, KeyboardInterrupt())
    assert app.main(["list", "methods"]) == ExitCode.INTERRUPTED
    err = capsys.readouterr().err
    assert err == f"error: interrupted\n{RESUME_HINT}\n"


def test_full_disk_is_one_message(monkeypatch, capsys) -> None:
    _make_list_raise(monkeypatch, OSError(errno.ENOSPC, "No space left on device", "runs/x/samples.jsonl"))
    assert app.main(["list", "methods"]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith("error: runs/x/samples.jsonl: the disk is full\nFree some space. Finished samples are saved.")


def test_other_exceptions_keep_their_traceback(monkeypatch) -> None:
    _make_list_raise(monkeypatch, ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError, match="ours"):
        app.main(["list", "methods"])


def test_closed_pipe_is_quiet() -> None:
    command = f"{sys.executable} -m mevis_bench list methods --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_plain_without_a_terminal_and_no_color(monkeypatch, capsys) -> None:
    assert app.main(["list", "methods"]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mevis-bench wat", ["watch"]),
        ("mevis-bench run --method lmpmpp:min", ["lmpmpp:mini"]),
        ("mevis-bench run --method empty,every", ["empty,every_object", "empty,every_object:default"]),
        ("mevis-bench run --task rvos,rmo", ["rvos,rmot"]),
        ("mevis-bench data info ref_d", ["ref_davis17"]),
        ("mevis-bench score --na", ["--name"]),
    ],
)
def test_the_shell_completes_commands_options_and_names(
    words: str, expected: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_MEVIS_BENCH_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit):
        app.main([])
    assert capsys.readouterr().out.split() == expected
