"""Import of a method's Python modules."""

import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from mevis_bench.methods.registry import MethodEntry
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
        return importlib.import_module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(package):
            raise
        raise MethodError(
            f"method '{found.spec.name}' needs the package '{error.name}', which is not installed",
            location=str(found.folder / f"{name}.py"),
            hint=f"Install it: pip install {error.name}",
        ) from error


def _package_of_folder(folder: Path) -> str:
    """Make a folder outside every package importable under a name of its own; its own relative imports work."""
    name = f"_mevis_bench_method_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    if name not in sys.modules:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name
