"""Python environments of methods: created by uv or venv, located, and compared with the method's requirements."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from mevis_bench.execution.environment_process import EnvironmentProcess, Handshake, RemoteError
from mevis_bench.files.cache import cache_path
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import MethodError, MevisBenchError, UsageError
from mevis_bench.schemas.method_file import EnvironmentSpec

FOLDER_VARIABLE = "MEVIS_BENCH_ENVIRONMENTS"
"""Environment variable with the folder of all environments; default ``~/.cache/mevis-bench/environments``."""

_HANDSHAKE_TIMEOUT = 60.0
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Check:
    """One check of ``env doctor``.

    Attributes:
        name: What is checked.
        problem: What is wrong; ``None``: nothing.
        details: What was found.
    """

    name: str
    problem: str | None
    details: str


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One requirement of a method, and the installed version.

    Attributes:
        required: The requirement as it is written.
        installed: Installed version; ``None``: none.
        fits: Whether it meets the requirement.
    """

    required: str
    installed: str | None
    fits: bool


def environment_folder(entry: MethodEntry) -> Path:
    """Return the folder of a method's environment; it need not exist."""
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named).expanduser() if named else cache_path("environments")
    return folder / entry.spec.name


def environment_python(entry: MethodEntry) -> Path:
    """Return the Python of a method's environment.

    Raises:
        MethodError: The environment does not exist.
    """
    # Absolute but not resolved: the link in the environment's bin/ is what makes it that environment's Python.
    python = environment_folder(entry).absolute() / "bin" / "python"
    if not python.exists():
        raise MethodError(
            f"the environment of '{entry.spec.name}' does not exist",
            location=str(environment_folder(entry)),
            hint=f"Create it: mevis-bench env create {entry.spec.name}",
        )
    return python


def create_environment(entry: MethodEntry, python: Path | None, *, recreate: bool, log: Callable[[str], None]) -> Path:
    """Create a method's environment and install its requirements, with uv if installed, else with venv and pip.

    Args:
        entry: The method.
        python: Interpreter to start from; ``None``: the newest fitting one of this machine.
        recreate: Remove an existing environment first.
        log: Called with every command before it is run.

    Returns:
        The environment's folder.

    Raises:
        UsageError: The method needs none, it exists already, or no Python fits.
        MethodError: A command failed; carries the tail of its output. Nothing is left behind.
    """
    environment = _environment(entry)
    folder = environment_folder(entry)
    if folder.exists() and not recreate:
        hint = f"mevis-bench env doctor {entry.spec.name} checks it; --recreate replaces it."
        raise UsageError("the environment exists already", location=str(folder), hint=hint)
    uv = _find_uv()
    interpreter = _choose_python(environment, python)
    requirements = None if environment.requirements is None else entry.folder / environment.requirements
    if requirements is not None and not requirements.is_file():
        raise MethodError("file not found", location=str(requirements))
    if interpreter is None and uv is None:
        hint = "Give one with --python, or install uv, which fetches it."
        raise UsageError(f"no Python {environment.python} on this machine", hint=hint)
    shutil.rmtree(folder, ignore_errors=True)
    created = folder.absolute() / "bin" / "python"
    try:
        for command in _commands(uv, str(interpreter or environment.python), folder, created, requirements):
            log(" ".join(command))
            _run(command)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def check_environment(entry: MethodEntry) -> Iterator[Check]:
    """Check a method's environment step by step; stop where the next step needs the last.

    Raises:
        UsageError: The method needs no environment.
    """
    environment = _environment(entry)
    try:
        process = EnvironmentProcess(entry.spec.name, environment_python(entry), _HANDSHAKE_TIMEOUT)
    except MethodError as error:
        yield Check("process", str(error), "does not start")
        return
    try:
        handshake = process.handshake
        yield Check("process", None, f"starts, in {environment_folder(entry)}")
        fits = SpecifierSet(environment.python).contains(handshake.python, prereleases=True)
        yield Check("python", None if fits else f"{environment.python} is required", handshake.python)
        rows = _compare(entry, handshake)
        unmet = [f"{row.required} ({row.installed or 'not installed'})" for row in rows if not row.fits]
        yield Check(
            "packages", ", ".join(unmet) or None, f"{len(rows) - len(unmet)} of {len(rows)} requirements are met"
        )
        if entry.spec.command is not None:
            checkout = entry.folder / entry.spec.command.checkout
            yield Check("checkout", None if checkout.is_dir() else "not found", str(checkout))
            return
        try:
            has_load = process.request("check", bool, _HANDSHAKE_TIMEOUT, folder=str(entry.folder))
            yield Check("method.py", None if has_load else "has no function load(config)", "can be imported")
        except (MevisBenchError, RemoteError) as error:
            yield Check("method.py", f"{type(error).__name__}: {error}", "cannot be imported")
    finally:
        process.kill()


def package_rows(entry: MethodEntry) -> list[PackageRow]:
    """Compare a method's requirements with the installed versions, in the file's order.

    Raises:
        UsageError: The method needs no environment.
        MethodError: The environment does not exist, or its Python does not start.
    """
    _environment(entry)
    process = EnvironmentProcess(entry.spec.name, environment_python(entry), _HANDSHAKE_TIMEOUT)
    process.kill()
    return _compare(entry, process.handshake)


def _environment(entry: MethodEntry) -> EnvironmentSpec:
    if entry.spec.environment is None:
        hint = "Only methods whose method.yaml has 'environment:' have one."
        raise UsageError(f"'{entry.spec.name}' runs in the environment of mevis-bench", hint=hint)
    return entry.spec.environment


def _compare(entry: MethodEntry, handshake: Handshake) -> list[PackageRow]:
    environment = _environment(entry)
    if environment.requirements is None:
        return []
    path = entry.folder / environment.requirements
    if not path.is_file():
        raise MethodError("file not found", location=str(path))
    rows = []
    for line in path.read_text().splitlines():
        # Options of pip (-r, --index-url) name sources, not packages.
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise MethodError(f"invalid requirement '{text}': {error}", location=str(path)) from error
        marker = requirement.marker
        if marker is not None and not marker.evaluate({"python_version": _minor(handshake.python)}):
            continue
        installed = handshake.packages.get(canonicalize_name(requirement.name))
        fits = installed is not None and requirement.specifier.contains(installed, prereleases=True)
        rows.append(PackageRow(text, installed, fits))
    return rows


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _choose_python(environment: EnvironmentSpec, given: Path | None) -> Path | None:
    """Return the newest fitting interpreter, or check the given one (``None``: none fits)."""
    required = SpecifierSet(environment.python)
    if given is not None:
        version = _version(given)
        if version is None or not required.contains(version, prereleases=True):
            raise UsageError(
                f"expected Python {environment.python}, got {version or 'something else'}", location=f"--python {given}"
            )
        return given
    minors = [
        minor for minor in range(20, 6, -1) if any(required.contains(f"3.{minor}.{patch}") for patch in range(40))
    ]
    for minor in minors:
        for path in _interpreters(minor):
            version = _version(path)
            if version is not None and required.contains(version, prereleases=True):
                return path
    return None


def _interpreters(minor: int) -> Iterator[Path]:
    if sys.version_info.minor == minor:
        yield Path(sys.executable)
    on_path = shutil.which(f"python3.{minor}")
    if on_path is not None:
        yield Path(on_path)
    yield from sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python"), reverse=True)


def _version(python: Path) -> str | None:
    """Return the version of an interpreter; ``None``: it does not start, or is not Python."""
    code = "import platform; print(platform.python_version())"
    try:
        result = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def _find_uv() -> str | None:
    neighbor = Path(sys.executable).parent / "uv"
    return str(neighbor) if neighbor.is_file() else shutil.which("uv")


def _commands(uv: str | None, python: str, folder: Path, created: Path, requirements: Path | None) -> list[list[str]]:
    if uv is not None:
        commands = [[uv, "venv", "--quiet", "--python", python, str(folder)]]
        install = [uv, "pip", "install", "--quiet", "--python", str(created)]
    else:
        commands = [[python, "-m", "venv", *(["--without-pip"] if requirements is None else []), str(folder)]]
        install = [str(created), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return commands if requirements is None else [*commands, [*install, "-r", str(requirements)]]


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    except OSError as error:
        raise MethodError(f"cannot start: {error}", location=command[0]) from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).splitlines()[-_TAIL_LINES:]
        tail = "\n".join(f"  {line}" for line in lines)
        message = f"exited with code {error.returncode}; last lines of its output:\n{tail}"
        raise MethodError(message, location=" ".join(command)) from error
