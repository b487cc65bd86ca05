"""Table of the methods of the paper: what of each runs, loads, agrees and trains here."""

from pathlib import Path

from mevis_bench.schemas.capabilities import Capabilities, PaperMethod
from mevis_bench.schemas.json_files import read_json_file

FILE = Path(__file__).with_name("capabilities.json")
"""Written by ``python -m scripts.collect_capabilities``."""

COLUMNS = ("method", "tables", "native", "file", "parity", "train", "mini")


def read_capabilities(path: Path = FILE) -> tuple[PaperMethod, ...]:
    """Read the methods, in order of the paper's tables.

    Raises:
        DataError: The file is invalid.
    """
    return read_json_file(path, Capabilities).methods


def cells(method: PaperMethod) -> tuple[str, ...]:
    """Return a method's row under ``COLUMNS``."""
    if method.method is None:
        return method.title, _numbers(method.tables), "data only", "-", "-", "-", "-"
    return (
        method.title,
        _numbers(method.tables),
        method.method,
        method.official_file,
        str(len(method.parity)) if method.parity else "-",
        "yes" if method.training else "-",
        method.mini,
    )


def _numbers(tables: tuple[int, ...]) -> str:
    """Write ``(5, 6, 7, 9)`` as ``5-7, 9``."""
    runs: list[list[int]] = []
    for number in sorted(tables):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
