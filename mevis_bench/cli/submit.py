"""``mevis-bench submit``: zip files for the evaluation servers."""

from pathlib import Path

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.option_groups import DataOptions, RunSplitOptions, with_groups
from mevis_bench.records import ExitCode

command = typer.Typer(no_args_is_help=True)


@command.callback()
def _group() -> None:
    """Create and check zip files for the evaluation servers."""


@command.command()
@with_groups
def pack(
    context: typer.Context,
    run: arguments.MaskRun,
    split: RunSplitOptions,
    out: options.ZipOut = Path("submission.zip"),
    profile: options.ProfileName = None,
    json: options.Json = False,
) -> int:
    """Write a submission zip: exact root, ids and frames, 1-bit PNGs, reproducible bytes."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.scored_run import open_own_split
    from mevis_bench.runs import submission

    opened = open_own_split(context, run, split)
    rules = submission.read_profile(profile, opened.dataset.info)
    digest = submission.pack(run, opened.dataset, rules, out, predicted_on=opened.predicted_on)
    size = out.stat().st_size
    if json:
        print_json({"file": str(out), "bytes": size, "sha256": digest, "server": rules.server})
    else:
        stdout().print(f"{out}: {size / 1e6:.1f} MB, sha256 {digest}\nfor {rules.server}", markup=False)
    return ExitCode.OK


@command.command()
@with_groups
def check(
    file: arguments.SubmissionZip,
    source: DataOptions,
    profile: options.ProfileName = None,
    json: options.Json = False,
) -> int:
    """Print the first ten errors of a submission zip; exit code 1 if there are any."""
    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.data.registry import find_dataset, open_dataset
    from mevis_bench.runs import submission

    found = find_dataset(source.data, source.split or "valid", source.data_set)
    rules = submission.read_profile(profile, found.info)
    errors = submission.check(file, open_dataset(source.data, source.split or rules.split, source.data_set), rules)
    if json:
        print_json({"file": str(file), "errors": list(errors), "faults": list(errors)})
    elif errors:
        for error in errors:
            err().print(f"✗ {error}", markup=False, soft_wrap=True)
        if len(errors) == submission.MAX_ERRORS:
            err().print("Only the first ten errors are shown.", style="dim")
    else:
        out().print(f"✓ {file}: valid submission", markup=False)
    return ExitCode.FAILED if errors else ExitCode.OK
