"""Files with the former names of fields are read for one more release, with a warning that users see."""

import subprocess
import sys
from pathlib import Path

import pytest

from mevis_bench.config.run_config import read_run_config
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records.errors import RenamedFieldWarning
from tests.paths import ROOT


@pytest.fixture
def old_method(tmp_path: Path) -> Path:
    path = tmp_path / "methods" / "my_method" / "method.yaml"
    path.parent.mkdir(parents=True)
    text = (ROOT / "docs" / "reference" / "examples" / "method.yaml").read_text()
    assert text.count("license:") == 2
    path.write_text(text.replace("license:", "licence:"))
    return path


def test_licence_in_method_yaml(old_method: Path) -> None:
    with pytest.warns(RenamedFieldWarning) as caught:
        spec = read_method_spec(old_method)
    assert (spec.license, spec.variants["default"].weights["model"].license) == ("Apache-2.0", "Apache-2.0")
    places = [str(warning.message).partition(": '")[0] for warning in caught]
    assert places == [f"{old_method}:5", f"{old_method}:18"]


def test_the_former_name_of_asr_model_in_a_run_configuration(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("task: avos\nmethod: m\nrecogniser: small\n")
    with pytest.warns(RenamedFieldWarning, match=r"run\.yaml:3: 'recogniser' is now called 'asr_model'"):
        assert read_run_config(path, {}, []).asr_model == "small"


def test_the_command_line_prints_the_warning(old_method: Path) -> None:
    words = ["-m", "mevis_bench", "show", "method", "my_method", "--method-dir", str(old_method.parents[1])]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=ROOT, check=False)
    assert f"{old_method}:5: 'licence' is now called 'license'" in done.stderr
