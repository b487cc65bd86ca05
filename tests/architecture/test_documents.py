"""Links of the documents lead to files, paths and commands that they name exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from mevis_bench.cli.app import PANELS, app
from tests.fixtures.tracked_files import tracked_files
from tests.paths import ROOT

DOCUMENTS = [path for path in tracked_files(".md") if path.relative_to(ROOT).parts[0] != "tests"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_lead_to_files(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if link and not (path.parent / link).exists()] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_in_code_spans_exist(name: str) -> None:
    folders = "mevis_bench|baselines|benchmarks|configs|docs|scripts|tests"
    paths = re.findall(rf"`((?:{folders})/[\w./-]*)`", (ROOT / name).read_text())
    assert [path for path in paths if not (ROOT / path).exists()] == []


def commands_of(path: Path) -> list[list[str]]:
    """Return the arguments of every ``mevis-bench`` command in the code blocks and code spans of a document."""
    text = path.read_text().replace("\\\n", " ")
    lines = [line for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("mevis-bench ")]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_have_known_names_and_options(path: Path) -> None:
    unknown = []
    for arguments in commands_of(path):
        command = typer.main.get_command(app)
        if arguments[:1] == ["--version"]:
            continue
        while hasattr(command, "commands") and arguments and not arguments[0].startswith("-"):
            command, arguments = command.commands.get(arguments[0]), arguments[1:]
            if command is None:
                unknown.append(arguments)
                break
        else:
            flags = {flag for parameter in command.params for flag in parameter.opts} | {"--help"}
            unknown += [word for word in arguments if word.startswith("--") and word.split("=")[0] not in flags]
    assert unknown == []


def test_the_readme_shows_the_most_used_commands() -> None:
    names = {arguments[0] for arguments in commands_of(ROOT / "README.md")}
    assert {"run", "score", "list", "data", "compare", "report", "gallery", "submit", "new"} <= names
    assert names <= {name for panel in PANELS.values() for name in panel}


def test_the_index_for_language_models_has_a_title_a_summary_and_links_to_documents() -> None:
    lines = (ROOT / "docs" / "llms.txt").read_text().splitlines()
    assert lines[0] == "# mevis-bench"
    assert lines[2].startswith("> ")
    links = [re.fullmatch(r"- \[[^\]]+\]\(([^)]+)\): .+", line) for line in lines if line.startswith("- ")]
    assert len(links) > 10
    assert [link for link in links if link is None or not (ROOT / "docs" / link[1]).is_file()] == []
