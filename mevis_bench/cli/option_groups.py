"""Options that go together, as frozen dataclasses whose fields are options of ``cli.options``."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import typer

from mevis_bench.cli import options

T = TypeVar("T")


def with_groups(command: Callable[..., T]) -> Callable[..., T]:
    """Make a command of a function: a parameter that is a dataclass of options becomes its fields' options.

    Typer reads the options of a command from the signature of its function; a group keeps that signature short.
    """
    signature = inspect.signature(command)
    groups: dict[str, Any] = {
        name: p.annotation for name, p in signature.parameters.items() if is_dataclass(p.annotation)
    }
    parameters: list[inspect.Parameter] = []
    for name, parameter in signature.parameters.items():
        group = _parameters(groups[name]) if name in groups else [parameter]
        parameters += [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in group]

    @wraps(command)
    def call(**values: Any) -> T:
        grouped = {
            name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        return command(**grouped, **values)

    call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return call


def _parameters(group: Any) -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=field.type,
        )
        for field in fields(group)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataOptions:
    """A split of a data set."""

    data: options.DataRoot = None
    split: options.SplitName = None
    data_set: options.DataSetName = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSplitOptions:
    """The split that predictions are compared with; by default the one that they were predicted on."""

    data: options.DataRoot = None
    split: options.RunSplitName = None
    data_set: options.DataSetName = None
    allow_other_split: options.AllowOtherSplit = False

    def without_variables(self, context: typer.Context, predictions: Path) -> "RunSplitOptions":
        """Ignore values that only an environment variable sets, if ``predictions`` are a run.

        A run records its split. A variable of the shell, set for other commands, must not change what it is scored on.
        """
        if not (predictions / "manifest.json").is_file():
            return self
        names = ("data", "split", "data_set")
        values = {name: getattr(self, name) for name in names if _is_on_command_line(context, name)}
        return RunSplitOptions(**values, allow_other_split=self.allow_other_split)


def _is_on_command_line(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name != "ENVIRONMENT"
