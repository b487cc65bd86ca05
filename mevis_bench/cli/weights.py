"""``mevis-bench weights``: list, get, add, verify and prune weights files."""

from pathlib import Path

import typer

from mevis_bench.cli import arguments, options

command = typer.Typer(no_args_is_help=True)

ON_HUB = "on the hub"
"""State of missing weights that ``weights get`` downloads."""
_STATE_STYLES = {"shipped": "green", "in store": "green", ON_HUB: "cyan", "missing": "yellow"}


@command.callback()
def _group() -> None:
    """List weights files and their state; get, add, verify or prune files of the store."""


@command.command("list")
def list_(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: arguments.OnlyMethod = None,
    json: options.Json = False,
) -> None:
    """List every weights file with its state, source and license."""
    import dataclasses

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.method_list import weights_overview
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.reports.terminal import FittedTable

    registry = find_methods(method_dir)
    selected = registry.resolve(method).method.spec.name if method is not None else None
    rows = [row for row in weights_overview(registry, parse_weights(weights).store) if selected in (None, row.method)]
    if json:
        print_json([dataclasses.asdict(row) for row in rows])
        return
    details = ("license", "source")
    table = FittedTable(("weights", "file", "state", *details), optional=details if method is None else ())
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        label = Text.assemble((row.method, "bold"), (f" {row.name}", "dim"))
        state = ON_HUB if row.state == "missing" and row.hub is not None else row.state
        last = following is None or following.method != row.method
        cells = (row.file, Text(state, _STATE_STYLES[row.state]), row.license, Text(row.source, "dim"))
        table.add_row(label, *cells, end_section=last)
    out().print(table)
    if method is None:
        out().print("mevis-bench weights list METHOD shows the source of a method's weights.", style="dim")
    if any(row.state == "missing" and row.hub is not None for row in rows):
        out().print(f"mevis-bench weights get METHOD downloads what is {ON_HUB}.", style="dim")


@command.command()
def get(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: arguments.WeightsOwner,
    revision: options.Revision = None,
    accept_license: options.AcceptLicense = False,
    json: options.Json = False,
) -> None:
    """Download a variant's weights from the Hugging Face hub: pinned, checked, resumable, into the store."""
    from mevis_bench.cli.console import err, print_json
    from mevis_bench.cli.licenses import agree
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.methods.weights_download import get_weights, missing_weights

    resolved = find_methods(method_dir).resolve(method)
    store = parse_weights(weights).store
    missing = missing_weights(resolved, store)
    specs = resolved.spec.weights
    agree({source.repo: specs[name].license for name, source in missing.hub.items()}, accept=accept_license)
    got = get_weights(resolved, missing.hub, store, revision)
    if json:
        print_json({"got": {name: str(path) for name, path in got.items()}, "by_hand": list(missing.by_hand)})
    for name, path in got.items():
        err().print(f"{resolved.name} {name}: {path}", markup=False, soft_wrap=True)
    missing.check_by_hand(resolved)
    if not got:
        err().print(f"{resolved.name}: nothing is missing", markup=False, soft_wrap=True)


@command.command()
def verify(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: arguments.OnlyMethod = None,
    json: options.Json = False,
) -> int:
    """Compare the hash of every weights file on this machine with the known one; exit code 1 if one differs."""
    import dataclasses
    import os

    from rich.text import Text

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.stored_weights import verify_weights
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.records import ExitCode, NothingMeasuredError
    from mevis_bench.reports.terminal import FittedTable

    registry = find_methods(method_dir)
    selected = registry.resolve(method).method.spec.name if method is not None else None
    files = verify_weights(registry, parse_weights(weights).store, selected)
    if not files:
        raise NothingMeasuredError("no weights files on this machine", hint="See mevis-bench weights list")
    if json:
        print_json([dataclasses.asdict(file) for file in files])
    else:
        table = FittedTable(("weights", "result", "file"))
        styles = {"ok": "green", "changed": "red", "unknown": "yellow"}
        for file in files:
            folder, name = os.path.split(file.path)
            # The folder has a line of its own, so that a long path is not cut inside of a name.
            table.add_row(f"{file.method} {file.name}", Text(file.result, styles[file.result]), f"{folder}/\n{name}")
        out().print(table)
    return ExitCode.FAILED if any(file.result == "changed" for file in files) else ExitCode.OK


@command.command()
def prune(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    delete: options.DeleteUnused = False,
    json: options.Json = False,
) -> None:
    """List files of the store that no method uses; --delete deletes them."""
    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.stored_weights import delete_unused, unused_files
    from mevis_bench.methods.weights import parse_weights

    store = parse_weights(weights).store
    unused = unused_files(find_methods(method_dir), store)
    if delete:
        delete_unused(unused, store)
    if json:
        print_json({"files": {str(path): size for path, size in unused.items()}, "deleted": delete})
        return
    for path, size in unused.items():
        out().print(f"{size / 1e6:.1f} MB  {path}", markup=False, soft_wrap=True)
    total = f"{len(unused)} files, {sum(unused.values()) / 1e6:.1f} MB, of no known method"
    hint = "deleted" if delete else "--delete deletes them"
    err().print(f"{total}: {hint}" if unused else "nothing to prune", markup=False, soft_wrap=True)


@command.command()
def add(
    method_dir: options.MethodDirs,
    weights: options.Weights,
    method: arguments.WeightsOwner,
    files: arguments.WeightsFiles,
    json: options.Json = False,
) -> None:
    """Check files (hash if known, safe loading, the method loads them) and add them to the store."""
    from mevis_bench.cli.console import err, print_json
    from mevis_bench.methods.registry import find_methods
    from mevis_bench.methods.weights import parse_weights
    from mevis_bench.methods.weights_store import add_weights

    resolved = find_methods(method_dir).resolve(method)
    named = {}
    for argument in files:
        name, equals, path = argument.partition("=")
        named[name if equals else ""] = Path(path if equals else argument).expanduser()
    added = add_weights(resolved, named, parse_weights(weights).store)
    if json:
        print_json({name: str(path) for name, path in added.paths.items()})
        return
    for name, location in added.paths.items():
        err().print(f"{resolved.name} {name}: {location}", markup=False, soft_wrap=True)
    if added.missing:
        note = f"not loaded yet: {resolved.name} also needs {', '.join(added.missing)} (mevis-bench weights list)"
        err().print(note, markup=False, soft_wrap=True)
