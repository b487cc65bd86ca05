"""``mevis-bench data``: check data sets, make the splits of mini, and write or read other layouts."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mevis_bench.cli import options

if TYPE_CHECKING:
    from rich.table import Table

    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.mevis.verify import VerifyReport

command = typer.Typer(no_args_is_help=True, add_completion=False)


class SpeechChoice(StrEnum):
    """What ``make-mini --speech`` takes."""

    NONE = "none"
    ONE = "one"
    ALL = "all"


class Layout(StrEnum):
    """What ``export`` and ``import`` take with ``--format``."""

    REFER_KITTI = "refer-kitti"


LayoutName = Annotated[
    Layout, typer.Option("--format", help="refer-kitti: the one of TransRMOT's and TempRMOT's own scripts.")
]


class FrameFiles(StrEnum):
    """What ``export --frames`` takes."""

    LINK = "link"
    COPY = "copy"


@command.callback()
def _group() -> None:
    """Check a data set, make a split of mini, or write or read another layout."""


@command.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(metavar="PATH", help="A MeViS folder, or a split itself. Default: the embedded split."),
    ] = None,
    split: options.SplitName = "valid_u",
    json: options.Json = False,
) -> int:
    """Count what a split holds and name every fault of it; exit code 1 if there is any."""
    from mevis_bench.cli.console import out, print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.mevis.verify import verify_split
    from mevis_bench.records import ExitCode

    with Bar("videos") as bar:
        report = verify_split(path, split, partial(_show, bar, "verify"))
    if json:
        print_json(_as_json(report))
    else:
        console = out()
        console.print(_counts(report))
        for fault in report.faults:
            console.print(f"  {fault}", markup=False, style="red", soft_wrap=True)
        verdict = f"{len(report.faults)} faults" if report.faults else "no fault"
        console.print(f"{report.root}: {verdict}", markup=False, soft_wrap=True)
    return ExitCode.FAILED if report.faults else ExitCode.OK


@command.command("make-mini")
def make_mini(
    split: Annotated[str, typer.Option("--split", metavar="NAME", help="Its name, for instance train.")],
    videos: Annotated[int, typer.Option("--videos", metavar="N", help="How many videos.")],
    seed: options.Seed,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The split becomes DIR/SPLIT.")],
    speech: Annotated[
        SpeechChoice,
        typer.Option(
            "--speech", help="Speak the sentences: in one voice each, by rotation, or in all (flite and festival)."
        ),
    ] = SpeechChoice.NONE,
    annotators: Annotated[
        int, typer.Option("--annotators", metavar="N", help="How many write about each video, eleven sentences each.")
    ] = 1,
    opposite_orders: Annotated[
        float,
        typer.Option(
            "--opposite-orders",
            metavar="SHARE",
            help="Share of videos in which two objects make the same two moves in opposite order, 0 to 1.",
        ),
    ] = 0.75,
    json: options.Json = False,
) -> None:
    """Make a split of mini, in MeViSv2's own format: the same arguments give the same split."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.synthetic import make_mini

    with Bar("done") as bar:
        show = partial(_show, bar)
        root = make_mini(split, videos, seed, out, speech.value, annotators, show, opposite_orders=opposite_orders)
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
            }
        )
        return
    stdout().print(f"{videos} videos are in {root}; use them with --data {out} --split {split}", markup=False)


@command.command()
def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder.")],
    layout: LayoutName = Layout.REFER_KITTI,
    data: options.DataRoot = None,
    split: options.SplitName = "valid_u",
    predictions: Annotated[
        Path | None,
        typer.Option("--predictions", metavar="PREDS", help="An RMOT run, or its tracks in any format that is scored."),
    ] = None,
    frames: Annotated[FrameFiles, typer.Option("--frames", help="Link to the images, or copy them.")] = FrameFiles.LINK,
    json: options.Json = False,
) -> None:
    """Write a split, and tracks made on it, in the layout of other code, frame numbers right."""
    from dataclasses import asdict

    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.data.mevis.split import open_split
    from mevis_bench.runs.refer_kitti_export import export_split

    with Bar("videos") as bar:
        exported = export_split(
            open_split(data, split),
            out,
            copy_frames=frames is FrameFiles.COPY,
            predictions=predictions,
            advance=partial(_show, bar, "export"),
        )
    if json:
        print_json({"root": str(out), "format": layout.value, **asdict(exported)})
        return
    counts = f"{exported.videos} videos, {exported.frames} frames, {exported.expressions} expressions"
    told = "" if predictions is None else f", predictions of {exported.predictions}"
    stdout().print(f"{out}: {counts}{told}, as {layout.value}", markup=False, soft_wrap=True)


@command.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="PATH", help="The folder that holds KITTI and expression.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="A new folder, which becomes the split.")],
    layout: LayoutName = Layout.REFER_KITTI,
    json: options.Json = False,
) -> None:
    """Turn boxes and expressions of other data into a split for --task rmot; boxes become filled rectangles."""
    from mevis_bench.cli.console import out as stdout
    from mevis_bench.cli.console import print_json
    from mevis_bench.cli.progress import Bar
    from mevis_bench.runs.refer_kitti_import import import_split

    with Bar("videos") as bar:
        videos = import_split(source, out, partial(_show, bar, "import"))
    if json:
        print_json({"root": str(out), "format": layout.value, "videos": videos})
        return
    stdout().print(f"{videos} videos are in {out}; use them with --task rmot --data {out}", markup=False)


def _show(bar: "Bar", stage: str, done: int, total: int) -> None:
    """Move a bar on; the first step of a stage starts it anew."""
    if done == 1:
        bar.begin(stage, total)
    bar.advance_to(done)


def _as_json(report: "VerifyReport") -> dict[str, object]:
    kinds = {"single": report.single, "multi": report.multi, "no_target": report.no_target, "unknown": report.unknown}
    return {
        "split": report.split,
        "root": str(report.root),
        "has_ground_truth": report.has_ground_truth,
        "videos": report.videos,
        "frames": report.frames,
        "objects": report.objects,
        "expressions": {"all": report.expressions, **kinds, "spoken": report.spoken},
        "faults": [{"file": fault.file, "key": fault.key, "what": fault.message} for fault in report.faults],
    }


def _counts(report: "VerifyReport") -> "Table":
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"split {report.split}", title_justify="left")
    for heading in ("videos", "frames", "objects", "expressions", "single", "multi", "no target", "unknown", "spoken"):
        table.add_column(heading, justify="right")
    numbers = (
        report.videos, report.frames, report.objects, report.expressions,
        report.single, report.multi, report.no_target, report.unknown, report.spoken,
    )  # fmt: skip
    table.add_row(*(f"{number:,}" for number in numbers))
    return table
