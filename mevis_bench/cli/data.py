"""``mevis-bench data``: get and verify data sets, generate splits of mini, export and import other formats."""

from functools import partial
from typing import TYPE_CHECKING

import typer

from mevis_bench.cli import arguments, options
from mevis_bench.cli.choices import FrameFiles, SpeechChoice
from mevis_bench.cli.option_groups import DataOptions, with_groups

if TYPE_CHECKING:
    from rich.console import Group

    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.validation import ValidationReport

command = typer.Typer(no_args_is_help=True, add_completion=False)

MAX_PATH_INDENTATION = 12
"""Characters before a path of a layout, at most."""


@command.callback()
def _group() -> None:
    """Get or verify a data set, generate a split of mini, export or import another format."""


@command.command()
def verify(
    path: arguments.SplitFolder = None,
    split: options.SplitName = None,
    data_set: options.DataSetName = None,
    json: options.Json = False,
) -> int:
    """Print statistics and every error of a split; exit code 1 if there are any."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.registry import validate_dataset
    from mevis_bench.records import ExitCode

    with Bar("videos") as bar:
        report = validate_dataset(path, split, data_set, partial(_show, bar, "verify"))
    if json:
        print_json(_as_json(report))
    else:
        console = out()
        console.print(_counts(report))
        for error in report.errors:
            console.print(f"  {error}", markup=False, style="red", soft_wrap=True)
        for note in report.notes:
            console.print(f"  {note}", markup=False, soft_wrap=True)
        summary = f"{len(report.errors)} errors" if report.errors else "no errors"
        console.print(f"{report.root}: {summary}", markup=False, soft_wrap=True)
    return ExitCode.FAILED if report.errors else ExitCode.OK


@command.command()
def info(name: arguments.RegisteredDataSet, json: options.Json = False) -> None:
    """Print what a data set is, its license, where to get it, and the files that are expected."""
    import dataclasses

    from mevis_bench.cli.console import out, print_json
    from mevis_bench.data.registry import find_dataset
    from mevis_bench.reports.terminal import FactsTable

    facts = find_dataset(None, None, name).info
    if json:
        print_json(dataclasses.asdict(facts))
        return
    counts = (
        f"{split}: " + ", ".join(f"{number:,} {noun}" for noun, number in numbers.items())
        for split, numbers in facts.counts.items()
    )
    console = out()
    console.print(
        FactsTable(
            {
                "title": facts.title,
                "about": facts.about,
                "tasks": ", ".join(facts.tasks),
                "splits": ", ".join(facts.splits),
                "counts": "; ".join(counts) or "not known",
                "license": facts.license,
                "source": facts.source,
                "download": f"mevis-bench data get {name}: {', '.join(facts.hub)}" if facts.hub else "by hand",
                "protocol": facts.protocol,
                "submission": facts.submission or "no server",
            }
        )
    )
    console.print(FactsTable(_layout(facts.layout)))


def _layout(text: str) -> dict[str, str]:
    """Return what a layout says about each of its paths; a line of deep indentation continues the one above."""
    found: dict[str, str] = {}
    path = ""
    for line in text.splitlines():
        indentation = len(line) - len(line.lstrip())
        if indentation > MAX_PATH_INDENTATION:
            found[path] += f" {line.strip()}"
            continue
        name, _, about = line.strip().partition("  ")
        path = " " * indentation + name
        found[path] = about.strip()
    return found


@command.command()
def get(
    name: arguments.RegisteredDataSet,
    out: options.DataOut,
    split: options.SplitName = None,
    revision: options.Revision = None,
    accept_license: options.AcceptLicense = False,
    json: options.Json = False,
) -> None:
    """Download a split of a data set from the Hugging Face hub and unpack it; others: print where to get them."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.licenses import agree
    from mevis_bench.data.download import find_source, get_split

    facts, split, source = find_source(name, split)
    agree({source.repo: facts.license}, accept=accept_license)
    get_split(source, out, revision)
    if json:
        print_json({"root": str(out), "data_set": name, "split": split})
        return
    check = f"mevis-bench data verify {out} --data-set {name} --split {split}"
    stdout().print(f"wrote {split} of {facts.title} to {out}; check it: {check}", markup=False, soft_wrap=True)


@command.command("make-fixture")
def make_fixture(name: arguments.RegisteredDataSet, folder: options.NewFolder, json: options.Json = False) -> None:
    """Generate a tiny data set of the same layout, to run and score something before the real data are there."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.data.registry import make_fixture

    entry = make_fixture(name, folder)
    if json:
        print_json({"root": str(folder), "data_set": name})
        return
    task = entry.info.tasks[0]
    command = f"mevis-bench run --task {task} --method empty --data-set {name} --data {folder}"
    stdout().print(f"wrote {folder}; try: {command}", markup=False, soft_wrap=True)


@command.command("make-mini")
def make_mini(
    split: options.NewSplitName,
    videos: options.Videos,
    seed: options.Seed,
    out: options.NewSplitOut,
    speech: options.Speech = SpeechChoice.NONE,
    annotators: options.Annotators = 1,
    opposite_orders: options.OppositeOrders = 0.75,
    world: options.WorldNumber = 1,
    json: options.Json = False,
) -> None:
    """Generate a split of mini, or of mini2, in MeViSv2's format; the same arguments give the same split."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.synthetic import make_mini

    with Bar("done") as bar:
        show = partial(_show, bar)
        root = make_mini(
            split, videos, seed, out, speech.value, annotators, show, opposite_orders=opposite_orders, world=world
        )
    if json:
        print_json(
            {
                "root": str(root),
                "split": split,
                "videos": videos,
                "seed": seed,
                "speech": speech.value,
                "annotators": annotators,
                "opposite_orders": opposite_orders,
                "world": world,
            }
        )
        return
    stdout().print(f"wrote {videos} videos to {root}; use --data {out} --split {split}", markup=False)


@command.command()
@with_groups
def export(
    out: options.NewFolder,
    source: DataOptions,
    format_: options.DataFormatName = "refer-kitti",
    predictions: options.ExportedPredictions = None,
    frames: options.FrameCopies = FrameFiles.LINK,
    json: options.Json = False,
) -> None:
    """Export a split, and optionally predicted tracks, to another format."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.registry import open_dataset
    from mevis_bench.runs.data_formats import EXPORTERS, find_format

    export_split = find_format(EXPORTERS, format_)
    with Bar("videos") as bar:
        exported = export_split(
            open_dataset(source.data, source.split, source.data_set),
            out,
            copy_frames=frames is FrameFiles.COPY,
            predictions=predictions,
            advance=partial(_show, bar, "export"),
        )
    if json:
        print_json({"root": str(out), "format": format_, **asdict(exported)})
        return
    counts = f"{exported.videos} videos, {exported.frames} frames, {exported.expressions} expressions"
    predicted = "" if predictions is None else f", predictions of {exported.predictions}"
    stdout().print(f"{out}: {counts}{predicted}, as {format_}", markup=False, soft_wrap=True)


@command.command("import")
def import_(
    source: arguments.ImportedFolder,
    out: options.ImportOut,
    format_: options.DataFormatName = "refer-kitti",
    json: options.Json = False,
) -> None:
    """Import boxes and expressions of another format as a split for --task rmot; boxes become filled rectangles."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.data_formats import IMPORTERS, find_format

    import_split = find_format(IMPORTERS, format_)
    with Bar("videos") as bar:
        imported = import_split(source, out, partial(_show, bar, "import"))
    if json:
        print_json({"root": str(out), "format": format_, **asdict(imported)})
        return
    absent = f" ({imported.absent} mentions of a track without a box left out)" if imported.absent else ""
    wrote = f"wrote {imported.videos} videos to {out}{absent}; use --task rmot --data {out}"
    stdout().print(wrote, markup=False, soft_wrap=True)


def _show(bar: "Bar", stage: str, done: int, total: int) -> None:
    """Advance a bar; the first step of a stage restarts it."""
    if done == 1:
        bar.begin(stage, total)
    bar.advance_to(done)


def _as_json(report: "ValidationReport") -> dict[str, object]:
    kinds = {"single": report.single, "multi": report.multi, "no_target": report.no_target, "unknown": report.unknown}
    errors = [{"file": error.file, "key": error.key, "message": error.message} for error in report.errors]
    return {
        "data_set": report.data_set,
        "split": report.split,
        "root": str(report.root),
        "has_ground_truth": report.has_ground_truth,
        "videos": report.videos,
        "frames": report.frames,
        "objects": report.objects,
        "expressions": {"all": report.expressions, **kinds, "spoken": report.spoken},
        "errors": errors,
        "notes": report.notes,
        "faults": [{**error, "what": error["message"]} for error in errors],  # former name, until the next release
    }


def _counts(report: "ValidationReport") -> "Group":
    from mevis_bench.reports.terminal import FittedTable, titled

    columns = ("videos", "frames", "objects", "expressions", "single", "multi", "no target", "unknown", "spoken")
    table = FittedTable(columns, numbers=columns)
    numbers = (
        report.videos, report.frames, report.objects, report.expressions,
        report.single, report.multi, report.no_target, report.unknown, report.spoken,
    )  # fmt: skip
    table.add_row(*(f"{number:,}" for number in numbers))
    return titled(f"{report.data_set}: split {report.split}", table)
