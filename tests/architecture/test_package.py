"""Published packages are complete: the sdist has every file, and both ways to a wheel give the same one."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from tests.paths import ROOT

BUILD = "import sys, hatchling.build as backend; getattr(backend, 'build_' + sys.argv[1])(sys.argv[2])"
NAMES = {"baselines": "mevis_bench/baselines", "configs": "mevis_bench/configs", "mevis_bench": "mevis_bench"}
"""Folders of a checkout and their places in a wheel."""


def build(source: Path, kind: str, out: Path) -> Path:
    command = [sys.executable, "-c", BUILD, kind, str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(out.iterdir())


def contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as file:
        return {entry.filename: entry.CRC for entry in file.infolist()}


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def checkout(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    for name in tracked:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
def test_the_sdist_has_every_file_and_builds_the_wheel_of_the_checkout(
    tracked: set[str], checkout: Path, wheel: Path, tmp_path: Path
) -> None:
    sdist = build(checkout, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert tracked <= {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert build(unpacked, "wheel", tmp_path / "wheel-of-sdist").read_bytes() == wheel.read_bytes()
    installed = {f"{NAMES[top]}/{rest}" for top, _, rest in (name.partition("/") for name in tracked) if top in NAMES}
    assert installed | {"mevis_bench/py.typed"} <= contents(wheel).keys()
    assert {name.partition("/")[0] for name in contents(wheel)} == {"mevis_bench", "mevis_bench-0.1.0.dist-info"}


@pytest.mark.slow
def test_an_installed_package_finds_its_files_beside_a_user_s_folder_of_the_same_name(
    wheel: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--no-index"]
    subprocess.run([*command, "--target", str(tmp_path / "lib"), str(wheel)], check=True, capture_output=True)
    theirs = tmp_path / "work" / "baselines"
    theirs.mkdir(parents=True)
    (theirs / "__init__.py").write_text("raise RuntimeError('the package of the user was imported')\n")
    (tmp_path / "work" / "configs").mkdir()
    variables = {**os.environ, "PYTHONPATH": str(tmp_path / "lib"), "COLUMNS": "300"}

    def run(*words: str, code: int = 0) -> str:
        # Python puts the working directory, with the user's folder, before everything else.
        command = [sys.executable, "-m", "mevis_bench", *words]
        done = subprocess.run(command, cwd=tmp_path / "work", env=variables, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    methods = json.loads(run("list", "methods", "--json"))["methods"]
    names = {method["name"].partition(":")[0] for method in methods}
    assert names == {path.parent.name for path in (ROOT / "baselines").glob("*/method.yaml")}
    place = tmp_path / "lib" / "mevis_bench" / "baselines" / "lbdt"
    assert str(place) in run("show", "method", "lbdt")
    run("run", "--task", "rvos", "--method", "moving_region", "--limit", "1", "--device", "cpu", "--out", "a")
    assert "the paper" in run("report", "a", "--vs", "paper")
    plans = json.loads(run("suite", "demo", "--out", "b", "--dry-run", "--json"))["runs"]
    assert {plan["task"] for plan in plans} == {"rvos", "avos", "rmot", "rmeg"}
    assert "demo, leaderboard" in run("suite", "dem", "--out", "b", code=2)
    assert "Known: mevis_v1, mevis_v2" in run("submit", "pack", "a", "--profile", "none", "--out", "c.zip", code=2)
    assert " dshmp:mini, " in run("train", "--method", "empty", "--dry-run", code=2)


def test_ci_tests_the_versions_of_the_classifiers_with_pinned_actions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    classified = [re.search(r":: (3\.\d+)$", entry) for entry in project["classifiers"]]
    versions = [found[1] for found in classified if found]
    workflows = {path.stem: path.read_text() for path in (ROOT / ".github" / "workflows").glob("*.yml")}
    matrix = yaml.safe_load(workflows["ci"])["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert matrix == versions == ["3.11", "3.12", "3.13", "3.14"]
    assert project["requires-python"] == f">={versions[0]}"
    uses = [line for text in workflows.values() for line in text.splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not re.search(r"uses: [\w-]+(/[\w-]+)+@[0-9a-f]{40}  # v[\d.]+$", line)] == []


def test_ci_runs_lint_tests_docs_and_packages_and_builds_both_images() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    accessibility = "npm install --no-save --prefix build axe-core@4.14.1"
    image = "make image TORCH=${{ matrix.torch }}"
    assert commands == {accessibility, "make test", "make test-slow", "make lint", "make docs", "make package", image}
    assert jobs["image"]["strategy"]["matrix"]["torch"] == ["cpu", "cu128"]


def test_the_image_has_what_make_setup_installs() -> None:
    """Both install the same packages without their dependencies, and list those that they use."""
    makefile, dockerfile = ((ROOT / name).read_text() for name in ("Makefile", "Dockerfile"))
    assert all("jiwer more-itertools tiktoken tabulate" in text for text in (makefile, dockerfile))
    (unlisted,) = re.findall(r"--no-deps (.*)", makefile)
    (packages,) = re.findall(r"--no-deps --constraint constraints.txt (openai.*?) \\", dockerfile)
    assert set(packages.split()) == {name for name in unlisted.split() if "==" not in name}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (chosen,) = re.findall(r"'\.\[(.*)\]'", dockerfile)
    assert set(chosen.split(",")) <= set(extras)
