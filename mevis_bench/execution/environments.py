"""Environments of methods: made by uv or venv, found, and compared with what the method asks for."""

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

from mevis_bench.execution.environment_process import Handshake, RemoteError, WorkerProcess
from mevis_bench.methods.method_spec import EnvironmentSpec
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import MethodError, MevisBenchError, UsageError

FOLDER_VARIABLE = "MEVIS_BENCH_ENVIRONMENTS"
"""Names the folder of environments, one a method; default ``~/.cache/mevis-bench/environments``."""

_GREETING_SECONDS = 60.0
_LAST_LINES = 15


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that ``env doctor`` looks at.

    Attributes:
        name: What is looked at.
        fault: What is wrong; ``None``: nothing.
        told: What was found.
    """

    name: str
    fault: str | None
    told: str


@dataclass(frozen=True, slots=True)
class PackageRow:
    """One line of a method's requirements beside what is installed.

    Attributes:
        wanted: The requirement as it is written.
        installed: Version that is there; ``None``: none.
        fits: Whether it will do.
    """

    wanted: str
    installed: str | None
    fits: bool


def environment_folder(found: MethodEntry) -> Path:
    """Return where a method's environment is or would be."""
    named = os.environ.get(FOLDER_VARIABLE)
    folder = Path(named).expanduser() if named else Path.home() / ".cache" / "mevis-bench" / "environments"
    return folder / found.spec.name


def environment_python(found: MethodEntry) -> Path:
    """Return the Python of a method's environment.

    Raises:
        MethodError: The environment has not been made.
    """
    # Absolute but not resolved: the link in the environment's bin/ is what makes it that environment's Python.
    python = environment_folder(found).absolute() / "bin" / "python"
    if not python.exists():
        raise MethodError(
            f"'{found.spec.name}' runs in an environment of its own, which is not there",
            location=str(environment_folder(found)),
            hint=f"Make it: mevis-bench env create {found.spec.name}",
        )
    return python


def create_environment(found: MethodEntry, python: Path | None, *, anew: bool, tell: Callable[[str], None]) -> Path:
    """Make a method's environment and install its requirements, with uv where it is there, else with venv and pip.

    Args:
        found: The method.
        python: Interpreter to start from; ``None``: the newest fitting one of this machine.
        anew: Remove an environment that is there.
        tell: Called with every command before it is run.

    Returns:
        The environment's folder.

    Raises:
        UsageError: The method needs none, there is one already, or no Python fits.
        MethodError: A command failed; carries its last lines. Nothing is left behind.
    """
    environment = _environment(found)
    folder = environment_folder(found)
    if folder.exists() and not anew:
        hint = f"mevis-bench env doctor {found.spec.name} checks it, --recreate makes it anew."
        raise UsageError("the environment is there already", location=str(folder), hint=hint)
    uv = _find_uv()
    chosen = _choose_python(environment, python)
    requirements = None if environment.requirements is None else found.folder / environment.requirements
    if requirements is not None and not requirements.is_file():
        raise MethodError("no such file", location=str(requirements))
    if chosen is None and uv is None:
        hint = "Give one with --python, or install uv, which fetches it."
        raise UsageError(f"no Python {environment.python} on this machine", hint=hint)
    shutil.rmtree(folder, ignore_errors=True)
    made = folder.absolute() / "bin" / "python"
    try:
        for command in _commands(uv, str(chosen or environment.python), folder, made, requirements):
            tell(" ".join(command))
            _run(command)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def check_environment(found: MethodEntry) -> Iterator[Check]:
    """Look at everything a method's environment needs, one thing after another; stop where the next needs the last.

    Raises:
        UsageError: The method needs no environment.
    """
    environment = _environment(found)
    try:
        worker = WorkerProcess(found.spec.name, environment_python(found), _GREETING_SECONDS)
    except MethodError as error:
        yield Check("worker", str(error), "does not start")
        return
    try:
        handshake = worker.handshake
        yield Check("worker", None, f"starts, in {environment_folder(found)}")
        fits = SpecifierSet(environment.python).contains(handshake.python, prereleases=True)
        yield Check("python", None if fits else f"{environment.python} is wanted", handshake.python)
        rows = _compare(found, handshake)
        wrong = [f"{row.wanted} ({row.installed or 'not installed'})" for row in rows if not row.fits]
        told = f"{len(rows) - len(wrong)} of {len(rows)} requirements are met"
        yield Check("packages", ", ".join(wrong) or None, told)
        if found.spec.command is not None:
            checkout = found.folder / found.spec.command.checkout
            yield Check("checkout", None if checkout.is_dir() else "is not there", str(checkout))
            return
        try:
            has_load = worker.ask("check", _GREETING_SECONDS, folder=str(found.folder))
            yield Check("method.py", None if has_load else "has no function load(setup)", "can be imported")
        except (MevisBenchError, RemoteError) as error:
            yield Check("method.py", f"{type(error).__name__}: {error}", "can't be imported")
    finally:
        worker.kill()


def package_rows(found: MethodEntry) -> list[PackageRow]:
    """Compare a method's requirements with what is installed in its environment, in the file's order.

    Raises:
        UsageError: The method needs no environment.
        MethodError: The environment is not there or does not start.
    """
    _environment(found)
    worker = WorkerProcess(found.spec.name, environment_python(found), _GREETING_SECONDS)
    worker.kill()
    return _compare(found, worker.handshake)


def _environment(found: MethodEntry) -> EnvironmentSpec:
    if found.spec.environment is None:
        hint = "Only methods whose method.yaml has 'environment:' have one."
        raise UsageError(f"'{found.spec.name}' runs in the environment of mevis-bench", hint=hint)
    return found.spec.environment


def _compare(found: MethodEntry, handshake: Handshake) -> list[PackageRow]:
    environment = _environment(found)
    if environment.requirements is None:
        return []
    path = found.folder / environment.requirements
    if not path.is_file():
        raise MethodError("no such file", location=str(path))
    rows = []
    for line in path.read_text().splitlines():
        # Options of pip (-r, --index-url) say where packages come from, not which.
        text = line.partition(" #")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        try:
            wanted = Requirement(text)
        except InvalidRequirement as error:
            raise MethodError(f"'{text}' is no requirement: {error}", location=str(path)) from error
        if wanted.marker is not None and not wanted.marker.evaluate({"python_version": _minor(handshake.python)}):
            continue
        installed = handshake.packages.get(canonicalize_name(wanted.name))
        fits = installed is not None and wanted.specifier.contains(installed, prereleases=True)
        rows.append(PackageRow(text, installed, fits))
    return rows


def _minor(version: str) -> str:
    return ".".join(version.split(".")[:2])


def _choose_python(environment: EnvironmentSpec, given: Path | None) -> Path | None:
    """Return the newest fitting interpreter, or check the given one (``None``: none fits)."""
    wanted = SpecifierSet(environment.python)
    if given is not None:
        version = _version(given)
        if version is None or not wanted.contains(version, prereleases=True):
            raise UsageError(
                f"is {version or 'no Python'}, {environment.python} is wanted", location=f"--python {given}"
            )
        return given
    fitting = [minor for minor in range(20, 6, -1) if any(wanted.contains(f"3.{minor}.{patch}") for patch in range(40))]
    for minor in fitting:
        for path in _interpreters(minor):
            version = _version(path)
            if version is not None and wanted.contains(version, prereleases=True):
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
    """Ask an interpreter for its version; ``None``: it is none, or does not start."""
    code = "import platform; print(platform.python_version())"
    try:
        told = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return told.stdout.strip()


def _find_uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv")


def _commands(uv: str | None, python: str, folder: Path, made: Path, requirements: Path | None) -> list[list[str]]:
    if uv is not None:
        commands = [[uv, "venv", "--quiet", "--python", python, str(folder)]]
        install = [uv, "pip", "install", "--quiet", "--python", str(made)]
    else:
        commands = [[python, "-m", "venv", *(["--without-pip"] if requirements is None else []), str(folder)]]
        install = [str(made), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return commands if requirements is None else [*commands, [*install, "-r", str(requirements)]]


def _run(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    except OSError as error:
        raise MethodError(f"can't be started: {error}", location=command[0]) from error
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or error.stdout).splitlines()[-_LAST_LINES:]
        what = f"ended with exit code {error.returncode}; its last lines:\n" + "\n".join(f"  {line}" for line in lines)
        raise MethodError(what, location=" ".join(command)) from error
