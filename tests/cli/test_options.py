"""Options: each declared in one module, in groups where there are many, with the names of the run configuration."""

import ast
import inspect
from dataclasses import dataclass, fields
from typing import Annotated

import pytest
import typer

from mevis_bench.cli.option_groups import with_groups
from mevis_bench.cli.run import RunOptions
from mevis_bench.schemas.run_config import RunConfig
from tests.paths import ROOT

CLI = ROOT / "mevis_bench" / "cli"
MODULES = sorted(CLI.glob("*.py"))


@dataclass(frozen=True, kw_only=True)
class Size:
    width: Annotated[int, typer.Option("--width")]
    height: Annotated[int, typer.Option("--height")] = 2


def test_a_group_becomes_its_options() -> None:
    @with_groups
    def command(size: Size, name: Annotated[str, typer.Option("--name")] = "x") -> tuple[Size, str]:
        return size, name

    assert list(inspect.signature(command).parameters) == ["width", "height", "name"]
    app = typer.Typer()
    app.command()(command)
    call = typer.main.get_command(app).main
    assert call(["--width", "3"], standalone_mode=False) == (Size(width=3, height=2), "x")
    assert call(["--height", "5", "--width", "4", "--name", "y"], standalone_mode=False) == (
        Size(width=4, height=5),
        "y",
    )
    with pytest.raises(typer.TyperException, match="Missing parameter: width"):
        call(["--height", "5"], standalone_mode=False)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_options_are_declared_in_one_module_and_commands_are_short(module) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    if module.stem not in ("options", "arguments", "app"):  # --version belongs to the program, not to a command
        assert calls.isdisjoint({"typer.Option", "typer.Argument"})
    long = {
        node.name: len(node.args.args) + len(node.args.kwonlyargs)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and len(node.args.args) + len(node.args.kwonlyargs) > 10
    }
    assert long == {}


@pytest.mark.parametrize("declarations", ["options", "arguments"])
def test_every_declared_option_is_used(declarations: str) -> None:
    declared = {
        target.id
        for node in ast.parse((CLI / f"{declarations}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and not target.id.startswith("_")
    }
    used = {
        node.attr
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == declarations
    }
    assert declared
    assert declared - used == set()


def test_options_of_run_are_the_keys_of_its_configuration() -> None:
    assert [field.name for field in fields(RunOptions)] == [
        field.name for field in fields(RunConfig) if field.name != "options"
    ]


def test_zero_is_a_given_value() -> None:
    given = RunOptions(weights=[], method_dir=[], sample=[], seed=0, limit=0, workers=1)
    assert given.flags() == {"seed": 0, "limit": 0, "workers": 1}
