"""A variant's options: those of ``method.yaml``, changed by ``--set method.<key>=<value>``, validated by the method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mevis_bench.methods.registry import MethodEntry, ResolvedMethod
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.decode import FieldPath, current_names, decode

NO_CHANGES: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class _OptionsSource:
    """Source of a variant's options (``mevis_bench.schemas.decode.Source``)."""

    method: ResolvedMethod
    changes: Mapping[str, object]

    def location(self, path: FieldPath) -> str:
        if path and path[0] in self.changes:
            return f"--set method.{path[0]}"
        return f"{self.method.method.folder / 'method.yaml'}, variants.{self.method.variant}.options"

    def text(self, path: FieldPath) -> str | None:
        return None


def resolve_options(method: ResolvedMethod, changes: Mapping[str, object] = NO_CHANGES) -> dict[str, object]:
    """Return a variant's options by name, as they are stored with a run.

    Raises:
        UsageError: A changed option is not one of the variant's.
        DataError: An option is unknown, missing or invalid; names the file and key, or the setting.
    """
    options = dict(method.spec.options)
    changes = current_names(changes, options_type(method.method), (), _OptionsSource(method, changes))
    for key, value in changes.items():
        if key not in options:
            raise UsageError(
                f"unknown option '{key}' of {method.name}",
                location=f"--set method.{key}",
                hint=did_you_mean(key, list(options)),
            )
        default = options[key]
        if type(default) is float and type(value) is int:
            value = float(value)
        if options_type(method.method) is None and default is not None and type(value) is not type(default):
            raise UsageError(
                f"expected {type(default).__name__} like {default!r}, got {value!r}", location=f"--set method.{key}"
            )
        options[key] = value
    typed_options(method, options, changes)
    return options


def typed_options(
    method: ResolvedMethod, options: Mapping[str, object], changes: Mapping[str, object] = NO_CHANGES
) -> Any:
    """Return options as ``load`` takes them: the method's ``Options``; a plain mapping if it has no ``options.py``.

    Raises:
        DataError: An option is unknown, missing or invalid; names the file and key, or the setting.
    """
    kind = options_type(method.method)
    return dict(options) if kind is None else decode(dict(options), kind, _OptionsSource(method, changes))


def options_type(method: MethodEntry) -> type | None:
    """Return the class ``Options`` of a method's ``options.py``; ``None``: it has none, or runs elsewhere.

    Nothing else of the method is imported.
    """
    elsewhere = method.spec.environment is not None or method.spec.command is not None
    if elsewhere or not (method.folder / "options.py").is_file():
        return None
    kind: type = import_submodule(method, "options").Options
    return kind
