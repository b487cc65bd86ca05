"""Environments for fake methods: one that shares this Python's packages, and bare ones of old interpreters."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.tiny_split import write_fake_method


def environment_like_this(folder: Path) -> Path:
    """Create an environment that sees the packages of the running Python."""
    venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    here = folder / "lib" / version / "site-packages" / "here.pth"
    here.write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def old_interpreter(minor: int) -> Path:
    """Return a Python 3.<minor> of this machine, or skip the test."""
    for path in sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python")):
        if subprocess.run([path, "-c", ""], check=False).returncode == 0:
            return path
    pytest.skip(f"no Python 3.{minor} is installed under ~/.pyenv/versions")


def write_isolated_method(folder: Path, code: str = "", *, environment: str = "") -> Path:
    """Write the fake method of ``tests.tiny_split`` with an environment of its own."""
    write_fake_method(folder, code)
    spec = folder / "fake" / "method.yaml"
    lines = f'environment:\n  python: ">=3.7"\n{environment}'
    spec.write_text(spec.read_text() + lines)
    return folder
