"""Published packages are complete: the sdist has every file, and both ways to a wheel give the same one."""

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

BUILD = "import sys, setuptools.build_meta as backend; getattr(backend, 'build_' + sys.argv[1])(sys.argv[2])"


def build(source: Path, kind: str, out: Path) -> Path:
    command = [sys.executable, "-c", BUILD, kind, str(out)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    return next(out.iterdir())


def contents(wheel: Path) -> dict[str, int]:
    with zipfile.ZipFile(wheel) as file:
        return {entry.filename: entry.CRC for entry in file.infolist() if not entry.filename.endswith("RECORD")}


@pytest.mark.slow
def test_the_sdist_has_every_file_and_builds_the_wheel_of_the_checkout(tmp_path: Path) -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = {name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        target = tmp_path / "checkout" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    sdist = build(tmp_path / "checkout", "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    assert names <= {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    ours = contents(build(tmp_path / "checkout", "wheel", tmp_path / "wheel"))
    assert ours == contents(build(unpacked, "wheel", tmp_path / "wheel-of-sdist"))
    assert {name for name in names if name.startswith(("mevis_bench/", "baselines/"))} <= ours.keys()
    assert {"mevis_bench/py.typed", "baselines/py.typed"} <= ours.keys()


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
    assert [line for line in uses if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40}  # v[\d.]+$", line)] == []


def test_ci_runs_lint_tests_docs_and_packages() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = {step["run"] for job in jobs.values() for step in job["steps"] if "run" in step}
    accessibility = "npm install --no-save --prefix build axe-core@4.14.1"
    assert commands == {accessibility, "make test", "make lint", "make docs", "make package"}
