"""Tables in narrow terminals, over every command that prints one: no line is too long, no word is cut."""

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import typer

from mevis_bench.cli.app import app, main
from mevis_bench.cli.examples import EXAMPLES
from mevis_bench.data.registry import find_datasets
from tests.fixtures.commands import leaves
from tests.fuzz.world import CPU, DATA, build, environment

NARROW, WIDE = 80, 4000
RUN = "runs/rvos-a_method_of_long_name-default-valid_u-20260101-000000"
PLAN = ("run", "--method-dir", "methods", *DATA, *CPU, "--dry-run")
TABLES: dict[str, tuple[Sequence[str], ...]] = {
    "run": (
        (*PLAN, "--method", "fake,empty", "--task", "rvos,rmot", "--limit", "1", "--out", "runs"),
        (*PLAN, "--method", "empty", "--task", "rvos", "--out", "new"),
    ),
    "suite": (("suite", "suite.yaml", "--out", "suites"),),
    "try": (("try", "data/JPEGImages/va", "left one", "--method", "empty,moving_region", "--every", "2"),),
    "score": (("score", "preds.json", *DATA, "--workers", "1", "--out", "scored"), ("score", RUN, "--out", "scored")),
    "status": (("status", RUN), ("status", RUN, "rvos")),
    "cost": (("cost", RUN), ("cost", "rvos", "rvos_b")),
    "points": (("points", "answers.json", *DATA),),
    "data info": tuple(("data", "info", name) for name in find_datasets()),
    "data verify": (("data", "verify", "data"),),
    "list tasks": (("list", "tasks"),),
    "list data-sets": (("list", "data-sets"),),
    "list methods": (("list", "methods"), ("list", "methods", "--capabilities")),
    "show method": (("show", "method", "lmpmpp"), ("show", "method", "referformer")),
    "doctor": (("doctor",),),
    "weights list": (("weights", "list"), ("weights", "list", "lmpmpp")),
    "weights verify": (("weights", "verify"),),
    "report": (
        ("report", RUN, "rvos_b", "tracks"),
        ("report", RUN, "--vs", "paper"),
        ("report", RUN, "--vs", "published"),
        ("report", "rvos", "rvos_b", "--leaderboard"),
        ("report", RUN, "--protocol-facts"),
    ),
    "protocol": (("protocol", RUN),),
    "compare": (("compare", RUN, "rvos_b"), ("compare", "rvos", "rvos_b", "--metric", "J")),
    "gate": (("gate", "rvos", "rvos_b", "--expected", "base.json"), ("gate", RUN, "--expected", "base.json")),
    "accept": (("accept", RUN, "rvos_b", "--expected", "base.json"),),
    "failures": (("failures", RUN), ("failures", "tracks")),
}
"""Calls that print tables, by command."""

WITHOUT = {
    "train", "merge", "watch", "selfcheck", "pairs", "data get", "data make-mini", "data make-fixture", "data export",
    "data import", "new method", "weights get", "weights prune", "weights add", "env create", "env doctor", "gallery",
    "history add", "history page", "site", "picture", "submit pack", "submit check", "push", "pull", "export",
}  # fmt: skip
"""Commands that print lines, no table."""

OTHERS = {
    "roundtrip": "the table of report; needs Java",
    "calibrate": "five numbers; tests/reports/test_calibration.py prints them",
    "env diff": "requirements and versions; needs an environment of its own",
}
"""Commands with a table that is not printed here, with the reason."""

CALLS = [words for calls in TABLES.values() for words in calls]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("world")
    with environment(folder) as hub:
        build(hub)
        run = ("run", "--method-dir", "methods", *DATA, *CPU, "--method")
        assert main([*run, "fake", "--task", "rvos", "--out", RUN]) == 0
        assert main([*run, "moving_region", "--task", "rmot", "--out", "tracks"]) == 0
        yield folder


def printed(words: Sequence[str], width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a command prints to stdout in a terminal of this width."""
    monkeypatch.setenv("COLUMNS", str(width))
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main(list(words))
    assert text.getvalue().strip(), words
    return text.getvalue()


def words_of(text: str) -> set[str]:
    """Return the words of an output without what differs between two calls: times, and the note on columns."""
    kept = (line for line in text.splitlines() if not line.startswith("Not shown in "))
    return {word for word in " ".join(kept).split() if not re.fullmatch(r"[─\d.,:+-]+", word)}


def test_every_command_is_listed() -> None:
    assert sorted([*TABLES, *WITHOUT, *OTHERS]) == sorted(EXAMPLES)


@pytest.mark.parametrize("words", CALLS, ids=" ".join)
def test_no_line_is_too_long_and_no_word_is_cut(
    words: Sequence[str], world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow, wide = (printed(words, width, monkeypatch) for width in (NARROW, WIDE))
    assert [line for line in narrow.splitlines() if len(line) > NARROW] == []
    assert "…" not in narrow
    assert words_of(narrow) - words_of(wide) == set()


def test_the_width_of_a_terminal_is_used(world: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.pop("COLUMNS", None)
        os.environ["TERM"] = "xterm"
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
        os.execv(sys.executable, [sys.executable, "-m", "mevis_bench", "list", "data-sets"])
    output = b""
    with contextlib.suppress(OSError):  # the end of a terminal
        while block := os.read(terminal, 65536):
            output += block
    assert os.waitpid(pid, 0)[1] == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", output.decode()).splitlines()
    assert max(map(len, lines)) <= 90
    assert "Not shown in 90 columns: title, license; a wider terminal or --json shows them." in lines


def test_the_help_of_every_command_names_options_and_values_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(NARROW))
    cut = []
    for name in leaves(typer.main.get_command(app)):
        command = typer.main.get_command(app)
        for part in name.split():
            command = command.commands[part]
        assert main([*name.split(), "--help"]) == 0
        text = capsys.readouterr().out
        assert max(map(len, text.splitlines())) <= NARROW
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        words = [word for one in shown for word in (one.metavar, *(flag for flag in one.opts if flag[0] == "-"))]
        cut += [f"{name}: {word}" for word in words if word and word not in text]
    assert cut == []
