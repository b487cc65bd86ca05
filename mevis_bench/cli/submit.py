"""``mevis-bench submit``: zips for the evaluation servers."""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.cli import options
from mevis_bench.records import ExitCode

command = typer.Typer(no_args_is_help=True)

ProfileName = Annotated[str, typer.Option("--profile", metavar="mevis_v1|mevis_v2", help="Which server's rules.")]


@command.callback()
def _group() -> None:
    """Zips for the evaluation servers: pack a run, check anyone's."""


@command.command()
def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder with mask predictions.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The zip to write.")] = Path("submission.zip"),
    data: options.DataRoot = None,
    split: options.SplitName = "valid",
    profile: ProfileName = "mevis_v2",
    json: options.Json = False,
) -> int:
    """Write the zip a server takes: exact root, ids and frames, 1-bit PNGs, the same bytes every time."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.runs import submission

    rules = submission.read_profile(profile)
    digest = submission.pack(run, open_split(data, split), rules, out)
    size = out.stat().st_size
    if json:
        print_json({"file": str(out), "bytes": size, "sha256": digest, "server": rules.server})
    else:
        stdout().print(f"{out}: {size / 1e6:.1f} MB, sha256 {digest}\nfor {rules.server}", markup=False)
    return ExitCode.OK


@command.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="ZIP", help="Anyone's zip.")],
    data: options.DataRoot = None,
    split: options.SplitName = "valid",
    profile: ProfileName = "mevis_v2",
    json: options.Json = False,
) -> int:
    """Explain the first ten faults of a zip; exit code 1 if there is any."""
    from mevis_bench.cli.console import err, out, print_json
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.runs import submission

    faults = submission.check(file, open_split(data, split), submission.read_profile(profile))
    if json:
        print_json({"file": str(file), "faults": list(faults)})
    elif faults:
        for fault in faults:
            err().print(f"✗ {fault}", markup=False, soft_wrap=True)
        if len(faults) == submission.SHOWN_FAULTS:
            err().print("These are the first ten; there may be more.", style="dim")
    else:
        out().print(f"✓ {file}: every frame of every expression is there, as the server wants it", markup=False)
    return ExitCode.FAILED if faults else ExitCode.OK
