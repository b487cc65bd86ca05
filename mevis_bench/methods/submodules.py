"""Import of a method's Python modules."""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mevis_bench.config.paths import shipped_folder
from mevis_bench.methods.registry import BUILT_IN, MethodEntry
from mevis_bench.records import MethodError


def import_submodule(found: MethodEntry, name: str) -> ModuleType:
    """Import one module of a method's folder, for instance ``method`` or ``train``.

    Raises:
        MethodError: The module is missing, or needs a package that is not installed.
    """
    package = found.package or _package_of_folder(found.folder)
    if not (found.folder / f"{name}.py").is_file():
        raise MethodError(f"method '{found.spec.name}' has no {name}.py", location=str(found.folder))
    try:
        if found.origin == BUILT_IN:
            return import_built_in(f"{package}.{name}")
        _offer_built_in()
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(package):
            raise
        raise MethodError(
            f"method '{found.spec.name}' needs the package '{error.name}', which is not installed",
            location=str(found.folder / f"{name}.py"),
            hint=f"Install it: pip install {error.name}",
        ) from error


def import_built_in(module: str) -> ModuleType:
    """Import ``baselines.…`` from this distribution, also where ``sys.path`` has another package of this name.

    Raises:
        MethodError: The other package is imported in this process already.
    """
    folder = shipped_folder("baselines")
    known = sys.modules.get("baselines")
    if known is None:
        _bind(folder)
    elif folder not in {Path(place).resolve() for place in known.__path__}:
        raise MethodError(
            "another package 'baselines' is imported in this process",
            location=next(iter(known.__path__), None),
            hint="Use mevis-bench in a process of its own, or give that package another name.",
        )
    return importlib.import_module(module)


def _offer_built_in() -> None:
    """Make ``baselines.layers`` importable by a user's method, unless they have a package ``baselines`` themselves."""
    if "baselines" not in sys.modules and importlib.util.find_spec("baselines") is None:
        _bind(shipped_folder("baselines"))


def _bind(folder: Path) -> None:
    spec = importlib.util.spec_from_file_location(
        "baselines", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["baselines"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["baselines"])


def _package_of_folder(folder: Path) -> str:
    """Make a folder outside every package importable under a name of its own; its own relative imports work."""
    name = f"_mevis_bench_method_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name
