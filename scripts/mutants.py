"""Named mutants: ``python -m scripts.mutants [NAME ...]`` applies each to a copy of the tree and expects a red test.

``tests/mutants/*.toml`` lists them: a file, a text in it, the text that replaces it, and the tests that must fail.
"""

import importlib
import multiprocessing
import os
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("mevis_bench", "baselines", "scripts", "tests", "configs", "docs", "pyproject.toml", "README.md")
TIMEOUT = 600.0
"""Seconds for the tests of one mutant; a mutant that hangs its tests counts as killed."""
LIBRARIES = ("torch", "transformers", "numba", "scipy.optimize", "scipy.ndimage", "pycocotools.mask", "PIL.Image")
"""Imported before forking."""


def mutants(names: list[str]) -> list[dict[str, Any]]:
    """Return all listed mutants, or those of the given names.

    Raises:
        SystemExit: A name is not listed.
    """
    listed = [
        mutant
        for path in sorted((ROOT / "tests" / "mutants").glob("*.toml"))
        for mutant in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]
    unknown = set(names) - {mutant["name"] for mutant in listed}
    if unknown:
        raise SystemExit(f"no mutant is called {sorted(unknown)[0]!r}")
    return [mutant for mutant in listed if not names or mutant["name"] in names]


def survives(mutant: dict[str, Any], copy: Path) -> bool:
    """Apply a mutant in the copy, run its tests, undo it; return whether they passed.

    The tests run in a fork of this process, which has imported the large libraries once.
    """
    path = copy / mutant["file"]
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    child = multiprocessing.get_context("fork").Process(target=_run_tests, args=(copy, mutant["tests"]))
    try:
        child.start()
        child.join(TIMEOUT)
        if child.exitcode in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise SystemExit(f"{mutant['name']}: its tests cannot be run")
        return child.exitcode == pytest.ExitCode.OK
    finally:
        child.kill()
        child.join()
        path.write_text(source, encoding="utf-8")


def _run_tests(copy: Path, tests: list[str]) -> None:
    """Run test files of the copy; exit with pytest's code."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    sys.exit(pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", *tests]))


def main() -> int:
    """Run the mutants; return 1 if one survives."""
    for library in LIBRARIES:
        importlib.import_module(library)
    survivors = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        # Each must be found without the originals' vectors, which not every machine has.
        os.environ["MEVIS_BENCH_SHARED"] = str(copy / "none")
        os.environ.pop("MEVIS_BENCH_PARITY", None)
        for name in COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        for mutant in mutants(sys.argv[1:]):
            alive = survives(mutant, copy)
            sys.stdout.write(f"{'SURVIVES' if alive else 'killed  '}  {mutant['name']}\n")
            sys.stdout.flush()
            survivors += [mutant["name"]] if alive else []
    sys.stdout.write(f"{len(survivors)} survive\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
