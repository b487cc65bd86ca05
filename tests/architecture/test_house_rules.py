"""The house keeps its own rules: small files, telling names, safe loading, pins that any machine can follow."""

import ast
import re
import subprocess

import pytest

from tests.fixtures.tracked_files import tracked_files
from tests.paths import ROOT

EMPTY_NAMES = {"utils", "util", "helpers", "common", "misc", "core", "manager", "base"}


SOURCES = [path for path in tracked_files(".py") if path.relative_to(ROOT).parts[0] in ("mevis_bench", "baselines")]


def test_files_are_short_and_their_names_say_something() -> None:
    files = tracked_files(".py")
    assert len(files) > 500
    too_long = [str(path.relative_to(ROOT)) for path in files if len(path.read_text().splitlines()) > 400]
    empty_names = [str(path.relative_to(ROOT)) for path in files if path.stem in EMPTY_NAMES]
    assert (too_long, empty_names) == ([], [])


def test_no_test_imports_another_test() -> None:
    """Code that several tests need belongs into ``tests/fixtures``, or into a module without tests next to them."""
    found = []
    for path in tracked_files(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if any(re.match(r"tests\.(.*\.)?test_", name) for name in names):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not found


def test_no_function_is_longer_than_sixty_lines() -> None:
    too_long = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                begin = first.end_lineno if documented and first.end_lineno else node.lineno
                lines = (node.end_lineno or begin) - begin
                if lines > 60:
                    too_long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({lines})")
    assert not too_long


FORBIDDEN = {
    r"weights_only\s*=\s*False|pickle\.load|allow_pickle\s*=\s*True": "loads code from a file",
    r"shell\s*=\s*True|os\.system\(": "starts a shell",
    r"yaml\.load\(": "loads YAML unsafely",
    r"raise NotImplementedError|\b(TODO|FIXME|XXX)\b": "is not done",
    r"^\s*(import|from) (torchvision|timm|cv2)\b": "imports what breaks next to a CPU build of torch",
}


@pytest.mark.parametrize("pattern", FORBIDDEN, ids=FORBIDDEN.values())
def test_no_source_file(pattern: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(pattern, line)
    ]
    assert not found


def test_constraints_name_no_address_and_no_cuda_package() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert "torch==2.13.0" in lines
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    assert not [line for line in lines if re.match(r"nvidia|triton|cuda", line)]


def test_large_files_stay_small() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    sizes = {name: (ROOT / name).stat().st_size for name in listing.stdout.split("\0") if (ROOT / name).is_file()}
    assert max(sizes.values()) < 20_000_000
    shipped = {name for name in sizes if "/weights/" in name or name.startswith("mevis_bench/data/mini")}
    assert sum(sizes[name] for name in shipped) < 60_000_000
    assert sum(sizes[name] for name in sizes.keys() - shipped) < 12_000_000
    agreed = "baselines/lmpmpp/weights/mini.safetensors"  # the start that other methods share
    assert {name for name in shipped if "/weights/" in name and sizes[name] > 4_000_000} == {agreed}
