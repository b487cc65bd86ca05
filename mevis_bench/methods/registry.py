"""Which methods there are. Nothing of a method is imported to find it; a broken one never hides the others."""

import importlib.machinery
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.config.paths import shipped_folder
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import DataError, MethodError, MevisBenchError, UsageError
from mevis_bench.records.suggestion import did_you_mean
from mevis_bench.schemas.method_file import MethodSpec, VariantSpec

ENTRY_POINT_GROUP = "mevis_bench.methods"

BUILT_IN = "built in"
"""Origin of the methods of this distribution."""


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """A method that can be requested by name.

    Attributes:
        spec: Its ``method.yaml``.
        folder: Folder of ``method.yaml`` and ``method.py``.
        package: Importable name of that folder; ``None``: it is loaded from the folder (``--method-dir``).
        origin: Where it was found, for people: ``BUILT_IN``, ``package NAME``, ``--method-dir DIR``.
    """

    spec: MethodSpec
    folder: Path
    package: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class InvalidMethod:
    """Something that should be a method but is not a valid one: its name, where it is, and why."""

    name: str
    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResolvedMethod:
    """A method and the requested variant."""

    method: MethodEntry
    variant: str

    @property
    def spec(self) -> VariantSpec:
        """The variant's part of ``method.yaml``."""
        return self.method.spec.variants[self.variant]

    @property
    def name(self) -> str:
        """``method:variant``."""
        return f"{self.method.spec.name}:{self.variant}"


@dataclass(frozen=True, slots=True)
class Registry:
    """All methods found, by name, and all that are broken."""

    methods: dict[str, MethodEntry]
    broken: tuple[InvalidMethod, ...]

    def resolve(self, name: str, variant: str | None = None) -> ResolvedMethod:
        """Return one method by ``name`` or ``name:variant``.

        Raises:
            UsageError: No such method or variant, two different variants, or the name is taken twice.
            MethodError: The method is there but broken.
        """
        method_name, _, suffix = name.partition(":")
        if variant and suffix and variant != suffix:
            raise UsageError(f"two different variants: '{suffix}' (in the name) and '{variant}' (--variant)")
        for broken in self.broken:
            if broken.name == method_name:
                raise MethodError(f"method '{method_name}' is broken: {broken.reason}", location=broken.origin)
        if method_name not in self.methods:
            raise UsageError(
                f"method '{method_name}' not found",
                hint=f"{did_you_mean(method_name, sorted(self.methods))}\nSee mevis-bench list methods",
            )
        method = self.methods[method_name]
        selected = variant or suffix or method.spec.default_variant
        if selected not in method.spec.variants:
            raise UsageError(
                f"method '{method_name}' has no variant '{selected}'",
                hint=did_you_mean(selected, list(method.spec.variants)),
            )
        return ResolvedMethod(method, selected)


def find_methods(method_dirs: Sequence[Path] = ()) -> Registry:
    """Find every method: built in, of installed packages, and in the given folders.

    A name that is taken twice belongs to neither: both places are named under ``broken``.

    Raises:
        UsageError: A given folder does not exist.
    """
    found: dict[str, list[MethodEntry]] = {}
    broken: list[InvalidMethod] = []
    for item in _all_places(method_dirs):
        if isinstance(item, InvalidMethod):
            broken.append(item)
            continue
        name, folder, package, origin = item
        try:
            spec = read_method_spec(folder / "method.yaml")
            if spec.command is None and not (folder / "method.py").is_file():
                raise DataError("method.py not found next to method.yaml", location=str(folder))
        except MevisBenchError as error:
            broken.append(InvalidMethod(name, origin, str(error)))
            continue
        found.setdefault(spec.name, []).append(MethodEntry(spec, folder, package, origin))
    methods = {}
    for name, candidates in sorted(found.items()):
        if len(candidates) == 1:
            methods[name] = candidates[0]
        else:
            places = " and ".join(f"{candidate.folder} ({candidate.origin})" for candidate in candidates)
            broken.append(InvalidMethod(name, candidates[0].origin, f"the name is taken twice: {places}"))
    return Registry(methods, tuple(sorted(broken, key=lambda entry: (entry.name, entry.origin))))


_Place = tuple[str, Path, str | None, str]


def _all_places(method_dirs: Sequence[Path]) -> Iterator[_Place | InvalidMethod]:
    for path in sorted(shipped_folder("baselines").glob("*/method.yaml")):
        yield path.parent.name, path.parent, f"baselines.{path.parent.name}", BUILT_IN
    yield from _installed_places()
    for folder in method_dirs:
        if not folder.is_dir():
            raise UsageError("no such folder", location=f"--method-dir {folder}")
        for path in sorted(folder.glob("*/method.yaml")):
            yield path.parent.name, path.parent.resolve(), None, f"--method-dir {folder}"


def _installed_places() -> Iterator[_Place | InvalidMethod]:
    for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        distribution = entry.dist.name if entry.dist else entry.value
        origin = f"package {distribution}"
        folders = _folders_of_package(entry.value)
        if not folders:
            yield InvalidMethod(entry.name, origin, f"its entry point names '{entry.value}', which is not a package")
        elif folders[0].name != entry.name:
            yield InvalidMethod(entry.name, origin, f"its entry point's name must be '{folders[0].name}', its folder's")
        else:
            yield entry.name, folders[0], entry.value, origin


def _folders_of_package(name: str) -> list[Path]:
    """Return the folders of a package without importing it or its parents (empty: there is no such package)."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    dotted = top
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return []
        dotted = f"{dotted}.{part}"
        spec = importlib.machinery.PathFinder.find_spec(dotted, list(spec.submodule_search_locations))
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(location) for location in spec.submodule_search_locations]
