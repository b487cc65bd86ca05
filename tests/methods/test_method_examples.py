"""The commented examples of ``method.yaml`` are valid and show every key."""

import dataclasses
from pathlib import Path

import pytest

from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.schemas.method_file import CommandSpec, EnvironmentSpec, MethodSpec, VariantSpec, WeightSpec

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


@pytest.mark.parametrize("name", ["isolated_method", "command_method"])
def test_examples_are_valid(name: str) -> None:
    assert read_method_spec(EXAMPLES / name / "method.yaml").name == name


@pytest.mark.parametrize("spec", [MethodSpec, VariantSpec, WeightSpec, EnvironmentSpec, CommandSpec])
def test_examples_show_every_key(spec: type) -> None:
    isolated = read_method_spec(EXAMPLES / "isolated_method" / "method.yaml")
    assert isolated.environment is not None
    text = "".join(path.read_text() for path in EXAMPLES.glob("*/method.yaml"))
    missing = [field.name for field in dataclasses.fields(spec) if f"{field.name}:" not in text]
    assert missing == []
