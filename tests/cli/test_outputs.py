"""Outputs that cannot be written: exit code 2 and one error on every command; nothing special is replaced."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from tests.fuzz.runner import run
from tests.fuzz.world import build, environment


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("world")
    with environment(folder) as hub:
        build(hub)
        (folder / "file").write_text("in the way")
        (folder / "folder").mkdir()
        yield folder


FOLDERS: dict[str, Sequence[str]] = {
    "run": ("run", "--task", "rvos", "--method", "empty", "--data", "data", "--device", "cpu", "--out"),
    "score": ("score", "preds.json", "--data", "data", "--workers", "1", "--out"),
    "gallery": ("gallery", "rvos", "--out"),
    "gate": ("gate", "rvos", "rvos_b", "--expected", "base.json", "--out"),
    "history page": ("history", "page", "--out"),
    "site": ("site", "rvos", "--out"),
    "export": ("data", "export", "--data", "data", "--out"),
    "import": ("data", "import", "foreign", "--out"),
    "make-mini": ("data", "make-mini", "--videos", "1", "--split", "x", "--seed", "1", "--out"),
    "suite": ("suite", "suite.yaml", "--out"),
    "merge": ("merge", "rvos", "--out"),
}
FILES: dict[str, Sequence[str]] = {
    "picture": ("picture", "rvos", "--sample", "va/0", "--out"),
    "accept": ("accept", "rvos", "--expected"),
    "history add": ("history", "add", "rvos", "--file"),
    "submit": ("submit", "pack", "rvos", "--out"),
}
BAD_FOLDERS = ("file", "file/below", "/dev/null", "/dev/full/x", "/proc/nothing/x", "x" * 300)
BAD_FILES = ("file/below", "folder", "/dev/null/x", "/dev/full", "/proc/nothing/x", "x" * 300)


def check(command: Sequence[str], out: str) -> None:
    outcome = run([*command, out])
    assert outcome.problem is None
    assert outcome.code == 2, outcome.output
    assert outcome.output.count("error: ") == 1, outcome.output


@pytest.mark.parametrize("out", BAD_FOLDERS)
@pytest.mark.parametrize("command", FOLDERS)
def test_a_folder_that_cannot_be_made(world: Path, command: str, out: str) -> None:
    check(FOLDERS[command], out)
    assert (world / "file").read_text() == "in the way"


@pytest.mark.parametrize("out", BAD_FILES)
@pytest.mark.parametrize("command", FILES)
def test_a_file_that_cannot_be_written(world: Path, command: str, out: str) -> None:
    check(FILES[command], out)
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    assert (world / "file").read_text() == "in the way"
    assert (world / "folder").is_dir()


def test_a_gallery_follows_no_link_out_of_its_folder(world: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    copy = Path(shutil.copytree(world / "rvos", tmp_path / "rvos"))
    (copy / "gallery").symlink_to(other)
    assert main(["gallery", str(copy)]) == 2
    (copy / "gallery").unlink()
    (copy / "gallery").mkdir()
    (copy / "gallery" / "index.html").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("mine")
    assert main(["gallery", str(copy)]) == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert list(other.iterdir()) == []


def test_a_draft_is_written_through_no_link(tmp_path: Path, world: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    (tmp_path / f"base.json.{os.getpid()}.part").symlink_to(tmp_path / "precious")
    assert main(["accept", str(world / "rvos"), "--expected", str(tmp_path / "base.json")]) == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "base.json").is_file()


def test_a_full_standard_output_is_one_error() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "mevis_bench", "list", "tasks"]
        finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert finished.returncode == 2
    assert finished.stderr.count("error: ") == 1
    assert "the disk is full" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_pipe_and_a_device_are_no_input(tmp_path: Path, world: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    for command in (
        ["score", str(tmp_path / "pipe.json"), "--data", "data"],
        ["gate", "rvos", "--expected", "/dev/zero"],
        ["run", "/dev/zero", "--dry-run"],
        ["history", "page", "--file", str(tmp_path / "pipe.json")],
    ):
        outcome = run(command)
        assert (outcome.problem, outcome.code) == (None, 2)
        assert "it is a device or a pipe" in outcome.output
