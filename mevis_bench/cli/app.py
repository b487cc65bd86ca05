"""Entry point of the command line: command registry, environment variables, error reporting, exit codes.

A command is one file ``cli/<name>.py`` whose ``command`` is a function or a ``typer.Typer`` group. Files are imported
when their command is called (all of them for ``--help``), so they must not import heavy packages at module level.
"""

import errno
import importlib
import os
import re
import sys
import warnings
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from mevis_bench.cli.examples import epilog
from mevis_bench.records import ExitCode, MevisBenchError, UsageError
from mevis_bench.records.errors import RenamedFieldWarning

PANELS = {
    "Run and score": (
        "run",
        "try",
        "score",
        "train",
        "merge",
        "status",
        "watch",
        "cost",
        "roundtrip",
        "selfcheck",
        "pairs",
        "points",
        "calibrate",
        "suite",
    ),
    "Data": ("data",),
    "Inspect": ("list", "show", "doctor"),
    "Methods": ("new", "weights", "env"),
    "Analyze results": (
        "report",
        "protocol",
        "compare",
        "gate",
        "accept",
        "failures",
        "gallery",
        "history",
        "site",
        "picture",
        "submit",
        "export",
        "push",
        "pull",
    ),
}
"""Commands by their panel in ``--help``, in display order."""

_EPILOG = (
    "Every option can be set by an environment variable: --data by MEVIS_BENCH_DATA.\n\nExit codes: 0 ok, "
    "1 failed or regressed, 2 usage error, invalid input or unwritable output, 3 nothing measured, 4 incomparable, "
    "130 interrupted."
)


class _Commands(MutableMapping[str, Any]):
    """Commands by name; a command's module is imported on first access."""

    def __init__(self) -> None:
        self._panels = {name: panel for panel, names in PANELS.items() for name in names}
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load_command(name, self._panels[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._panels)

    def __len__(self) -> int:
        return len(self._panels)


class _LazyGroup(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


def _load_command(name: str, panel: str) -> Any:
    command = importlib.import_module(f"mevis_bench.cli.{name}").command
    if not isinstance(command, typer.Typer):
        group = typer.Typer(add_completion=False)
        group.command(name)(command)
        command = group
    loaded: Any = typer.main.get_command(command)
    loaded.name = name
    loaded.rich_help_panel = panel
    _finish_command(loaded, name)
    return loaded


def _finish_command(command: Any, name: str) -> None:
    """Set the environment variable of every option (``MEVIS_BENCH_<FLAG>``), finish help and parser, recursively."""
    _clean_help(command)
    _refuse_repeated_options(command)
    command.epilog = epilog(name)
    for parameter in command.params:
        flags = [flag for flag in parameter.opts if flag.startswith("--")]
        if flags:
            parameter.envvar = "MEVIS_BENCH_" + flags[0].removeprefix("--").replace("-", "_").upper()
            parameter.show_envvar = False
    for child, subcommand in getattr(command, "commands", {}).items():
        _finish_command(subcommand, f"{name} {child}")


def _clean_help(command: Any) -> None:
    """Remove Python types from ``--help``."""
    make_help_option = command.get_help_option

    def help_option(context: Any) -> Any:
        option = make_help_option(context)
        option.metavar = ""
        return option

    command.get_help_option = help_option
    for parameter in command.params:
        if parameter.param_type_name != "option":
            parameter.display_type_rich = lambda ctx: None  # else "<list[Path]>"
            continue
        if parameter.is_flag:
            parameter.metavar = ""  # else "<bool>", as if a value were expected
        parameter.show_default = parameter.show_default and not parameter.multiple  # else "<class 'list'>"


def _refuse_repeated_options(command: Any) -> None:
    """Refuse an option with one value that is given twice; the parser would keep the last value."""
    make_parser = command.make_parser

    def make_strict_parser(context: Any) -> Any:
        parser = make_parser(context)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            parsed = parse(args)
            order = [each for each in parsed[2] if each.param_type_name == "option"]
            for index, option in enumerate(order):
                if option in order[:index] and not (option.multiple or option.is_flag or context.resilient_parsing):
                    several = (option.metavar or "").endswith(",...")
                    hint = f"Separate several by commas: {option.opts[0]} A,B." if several else "Give it once."
                    raise UsageError("the option is given more than once", location=option.opts[0], hint=hint)
            return parsed

        parser.parse_args = parse_args
        return parser

    command.make_parser = make_strict_parser


def _print_version(requested: bool) -> None:
    if requested:
        from mevis_bench import __version__

        sys.stdout.write(f"mevis-bench {__version__}\n")
        raise typer.Exit


app = typer.Typer(
    name="mevis-bench",
    cls=_LazyGroup,
    no_args_is_help=True,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_print_version, help="Print the version."),
    follow_links: bool = typer.Option(
        False, "--follow-links", help="Follow links that lead out of the folder of a data set. Default: refuse them."
    ),
) -> None:
    """Benchmark for language-guided video understanding: one predict interface, one scoring for all methods."""
    if follow_links:
        from mevis_bench.files import names

        names.follow_links()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: Arguments without the program's name; ``None``: ``sys.argv[1:]``.

    Returns:
        The exit code (``records.ExitCode``). Errors that the user can fix are printed without a traceback; any
        other exception propagates.
    """
    from mevis_bench.cli.console import print_error, replace_unencodable
    from mevis_bench.records.retry import RESUME_HINT

    replace_unencodable()
    root = typer.main.get_command(app)
    _clean_help(root)
    # Python hides deprecations outside of __main__.
    warnings.filterwarnings("always", category=RenamedFieldWarning)
    try:
        result = root.main(arguments, prog_name="mevis-bench", standalone_mode=False)
    except MevisBenchError as error:
        print_error(error.message, location=error.location, hint=error.hint)
        return error.exit_code
    except typer.TyperException as error:
        return _print_usage_error(error)
    except (KeyboardInterrupt, typer.Abort):
        result = ExitCode.INTERRUPTED
    except OSError as error:
        return _print_os_error(error)
    except Exception as error:
        refused = re.search(r"\(os error (\d+)\)", str(error)) if type(error).__name__ == "SafetensorError" else None
        if refused is None:
            raise
        return _print_os_error(OSError(int(refused[1]), str(error)))  # of a library that hides the system's errors
    if result == ExitCode.INTERRUPTED:
        print_error("interrupted", hint=RESUME_HINT)
    return _flushed(result if isinstance(result, int) else ExitCode.OK)


def _print_os_error(error: OSError) -> int:
    """Print that a file or folder cannot be made, written or read; other errors of the system keep their traceback."""
    from mevis_bench.cli.console import print_error
    from mevis_bench.records.retry import RESUME_HINT

    location = str(error.filename2 or error.filename) if error.filename else None
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        print_error("the disk is full", location=location, hint=f"Free some space. {RESUME_HINT}")
    elif location is None:
        raise error
    else:
        hint = "Give another path, or change its permissions."
        print_error(f"cannot be made, written or read: {error.strerror}", location=location, hint=hint)
    return ExitCode.USAGE


def _print_usage_error(error: typer.TyperException) -> int:
    from mevis_bench.cli.console import print_error

    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(error.format_message() + "\n")
        return ExitCode.USAGE
    message = error.format_message()
    suggestions = getattr(error, "possibilities", None)
    if suggestions:
        message = f"{error.message}. Did you mean {' or '.join(suggestions)}?"
    hint = f"See {context.command_path} --help" if context is not None else None
    print_error(message, hint=hint)
    return error.exit_code


def _flushed(code: int) -> int:
    """Flush stdout and ignore a closed pipe (``mevis-bench list methods | head -1``)."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _print_os_error(OSError(error.errno, error.strerror, "standard output"))
    return code
