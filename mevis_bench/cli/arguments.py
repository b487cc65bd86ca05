"""Every positional argument of every command, declared once."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mevis_bench.cli.completion import DATA_SETS, METHODS


def _argument(metavar: str, text: str, **settings: Any) -> Any:
    return typer.Argument(metavar=metavar, help=text, **settings)


_SCORED = "A scored folder: a run, or what score wrote."

ConfigFile = Annotated[Path | None, _argument("CONFIG", "A YAML file with any of the options below as keys.")]
Predictions = Annotated[
    Path,
    _argument(
        "PREDS",
        "A run folder, <video>/<expression>/<frame>.png, tracks as <video>/<expression>.txt, a zip of one of these, or "
        "JSON {video: {expression: masks or sentence}}.",
    ),
]
AnyPredictions = Annotated[Path, _argument("PREDS", "A run folder or predictions in any format that score reads.")]
PointAnswers = Annotated[Path, _argument("ANSWERS", "A file <task>_submission.json of lmms-eval's rvos tasks.")]
ScoredRun = Annotated[Path, _argument("RUN", _SCORED)]
BaselineRuns = Annotated[list[Path], _argument("RUN", "Scored run folders: all runs of the baseline.")]
ScoredRuns = Annotated[list[Path], _argument("RUN", "Scored run folders.")]
RunA = Annotated[Path, _argument("A", "A scored run folder.")]
RunB = Annotated[Path, _argument("B", "The run to compare with it.")]
AnyScoredRun = Annotated[Path, _argument("RUN", "A scored run folder.")]
FinishedRuns = Annotated[list[Path], _argument("RUN", "Finished run folders.")]
FinishedRun = Annotated[Path, _argument("RUN", "A finished run folder.")]
HubRepo = Annotated[str, _argument("REPO", "Repository on the hub, owner/name.")]
RunsOrAll = Annotated[list[Path] | None, _argument("RUN", "Run folders. Default: all under runs/.")]
WatchedRun = Annotated[Path, _argument("RUN", "A run folder that another process writes.")]
Shards = Annotated[list[Path], _argument("RUN", "Run folders of run --shard I/N.")]
MaskRun = Annotated[Path, _argument("RUN", "A run folder with mask predictions.")]
TriedVideo = Annotated[
    Path, _argument("VIDEO", "A video file, a GIF, a folder of frames, or a video of the bundled split (00017).")
]
TriedPrompt = Annotated[str, _argument("PROMPT", "A sentence, or a sound file (wav, flac, ogg, mp3).")]
SuiteFile = Annotated[
    str,
    _argument(
        "SUITE",
        "A suite's YAML file, a shipped suite (demo, nightly, leaderboard), or <task>-all, for instance rvos-all: "
        "--method on every data set in --data.",
    ),
]
SplitFolder = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH",
        envvar="MEVIS_BENCH_DATA",
        show_envvar=False,
        help="A MeViS folder, or a split itself. Default: the bundled mini split.",
    ),
]
ImportedFolder = Annotated[Path, _argument("PATH", "The folder with KITTI and expression.")]
SubmissionZip = Annotated[Path, _argument("ZIP", "A submission zip.")]
AnyMethod = Annotated[str, _argument("NAME", "A method, or method:variant.", autocompletion=METHODS)]
IsolatedMethod = Annotated[str, _argument("NAME", "A method whose method.yaml has 'environment:'.")]
NewMethodName = Annotated[
    str, _argument("NAME", "Letters, digits, '_' and '-', in any case: My-Method is the method my_method.")
]
OnlyMethod = Annotated[str | None, _argument("METHOD", "Only this method.")]
WeightsOwner = Annotated[str, _argument("METHOD[:VARIANT]", "The method the weights belong to.")]
WeightsFiles = Annotated[list[str], _argument("[NAME=]FILE", "Weights files or folders.")]
RegisteredDataSet = Annotated[
    str,
    _argument(
        "NAME",
        "Name of a data set, see mevis-bench list data-sets.",
        autocompletion=DATA_SETS,
    ),
]
