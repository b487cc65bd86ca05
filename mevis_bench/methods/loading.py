"""From a method's folder to a method that answers."""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import Method, MethodConfig, MethodError

SHARED_LAYERS = "layers"
"""Folder beside the built-in methods that several of them share."""


def load_method(found: MethodEntry, setup: MethodConfig) -> Method:
    """Import a method's ``method.py`` and call its ``load``.

    Raises:
        MethodError: It can't be imported (a package is missing), or has no ``load``.
        MevisBenchError: What ``load`` itself tells the user.
    """
    module = import_part(found, "method")
    load = getattr(module, "load", None)
    if load is None:
        raise MethodError("has no function load(setup)", location=str(found.folder / "method.py"))
    method: Method = load(setup)
    return method


def import_part(found: MethodEntry, part: str) -> ModuleType:
    """Import one module of a method's folder, for instance ``method`` or ``train``.

    Raises:
        MethodError: The module is missing, or needs a package that is not installed.
    """
    package = found.package or _package_of_folder(found.folder)
    if not (found.folder / f"{part}.py").is_file():
        raise MethodError(f"method '{found.spec.name}' has no {part}.py", location=str(found.folder))
    try:
        return importlib.import_module(f"{package}.{part}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(package):
            raise
        raise MethodError(
            f"method '{found.spec.name}' needs the package '{error.name}', which is not installed",
            location=str(found.folder / f"{part}.py"),
            hint=f"Install it: pip install {error.name}",
        ) from error


def code_fingerprint(found: MethodEntry) -> str:
    """Return the sha256 of a method's Python files, ``method.yaml``, its requirements, and the layers beside it."""
    digest = hashlib.sha256()
    environment = found.spec.environment
    if environment is not None and environment.requirements is not None:
        requirements = found.folder / environment.requirements
        digest.update(requirements.read_bytes() if requirements.is_file() else b"")
    folders = [found.folder]
    if found.package is not None:
        folders.append(found.folder.parent / SHARED_LAYERS)
    for folder in folders:
        for path in sorted((*folder.rglob("*.py"), *folder.glob("method.yaml"))):
            digest.update(path.relative_to(folder.parent).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _package_of_folder(folder: Path) -> str:
    """Make a folder outside every package importable under a name of its own; its own relative imports work."""
    name = f"_mevis_bench_method_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name
