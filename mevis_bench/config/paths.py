"""Location of what is shipped with the harness: inside the package where it is installed, next to it in a checkout."""

import importlib.resources
from pathlib import Path

from mevis_bench.records import UsageError


def shipped_folder(name: str) -> Path:
    """Return a folder of this distribution by its place; what else is called so on ``sys.path`` or here is ignored.

    Args:
        name: ``baselines`` or ``configs``.

    Raises:
        UsageError: It is in neither place, so the installation is broken.
    """
    package = Path(str(importlib.resources.files("mevis_bench"))).resolve()
    for folder in (package / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise UsageError(
        "a folder of mevis-bench is missing",
        location=str(package / name),
        hint="Install mevis-bench again, or work from a checkout.",
    )


def configs_folder() -> Path:
    """Return the folder of the shipped configurations: ``paper``, ``submission``, ``suites`` and ``train``."""
    return shipped_folder("configs")
