"""Location of the shipped configuration: next to the package in a checkout, under ``share`` in an installed wheel."""

import sysconfig
from pathlib import Path

from mevis_bench.records import UsageError


def configs_folder() -> Path:
    """Return the folder ``configs`` of this installation.

    Raises:
        UsageError: Neither place holds it, so the installation is broken.
    """
    checkout = Path(__file__).resolve().parents[2] / "configs"
    installed = Path(sysconfig.get_path("data")) / "share" / "mevis-bench" / "configs"
    for folder in (checkout, installed):
        if (folder / "paper").is_dir():
            return folder
    raise UsageError(
        "the configuration files of mevis-bench are missing",
        location=str(installed),
        hint="Install mevis-bench again, or work from a checkout.",
    )
