"""Every option of every command, declared once.

Every option can be set by the environment variable ``MEVIS_BENCH_<FLAG>`` (``--data`` by ``MEVIS_BENCH_DATA``), see
``cli.app``; the command line takes precedence. Options that go together are in ``cli.option_groups``.

Several names of tasks, methods, variants, splits and videos are separated by commas (``NAME,...``); options whose
values may have a comma, as paths and settings, are repeated.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from mevis_bench.cli.choices import FrameFiles, ProgressMode, SpeechChoice
from mevis_bench.cli.completion import DATA_SETS, METHODS, TASKS
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records.task_names import TASK_NAMES


def _option(flag: str, metavar: str | None, text: str, **settings: Any) -> Any:
    return typer.Option(flag, metavar=metavar, help=text, **settings)


def _former(flag: str) -> Any:
    """Declare the former name of an option, which works for one release with a warning and is not in ``--help``."""
    return typer.Option(flag, hidden=True)


_SEED = _option("--seed", "N", "Random seed.")
_DEVICE = _option("--device", "auto|cpu|cuda[:N]", "Compute device; auto: CUDA if available.")

# Hub
PredictionsOfRun = Annotated[
    Path | None,
    _option("--predictions", "PREDS", "The predictions that were scored, where they are not in RUN: a zip, a file."),
]
PushTarget = Annotated[Literal["hub"], _option("--to", None, "Where to.")]
PrivateRepo = Annotated[bool, _option("--private", None, "Create the repository as a private one.")]
PushPlan = Annotated[bool, _option("--dry-run", None, "Print files and card, upload nothing.")]
PulledRevision = Annotated[
    str | None, _option("--revision", "REV", "Commit, branch or tag. Default: the main branch as it is now.")
]
AcceptLicense = Annotated[
    bool, _option("--accept-license", None, "Agree to the licenses of what is downloaded, without being asked.")
]
Revision = Annotated[
    str | None,
    _option("--revision", "COMMIT", "Commit of the repository on the hub, where none is pinned: 40 digits."),
]
DeleteUnused = Annotated[bool, _option("--delete", None, "Delete the listed files.")]

# Data
DataRoot = Annotated[
    Path | None,
    _option(
        "--data",
        "DIR",
        "A MeViS folder, or a split folder (with meta_expressions*.json). Default: the bundled mini split.",
    ),
]
TrainData = Annotated[Path | None, _option("--data", "DIR", "A MeViS folder. Default: mini, generated and cached.")]
DataSetName = Annotated[
    str | None,
    _option(
        "--data-set",
        "NAME",
        "Data set of --data, see mevis-bench list data-sets. Default: recognized by its files.",
        autocompletion=DATA_SETS,
    ),
]
SplitName = Annotated[str | None, _option("--split", "NAME", "Split inside --data. Default: the data set's usual one.")]
SplitNames = Annotated[
    str | None,
    _option("--split", "NAME,...", "Split inside --data, or several. Default: the data set's usual one."),
]
RunSplitName = Annotated[
    str | None, _option("--split", "NAME", "Split inside --data. Default: the run's, or the data set's usual one.")
]
TrainSplit = Annotated[str, _option("--split", "NAME", "Training split.")]
ValSplit = Annotated[str, _option("--val-split", "NAME", "Validation split.")]
HeldOut = Annotated[str | None, _former("--held-out")]
NewSplitName = Annotated[str, _option("--split", "NAME", "Name of the split, for instance train.")]
AllowOtherSplit = Annotated[
    bool,
    _option("--allow-other-split", None, "Use another split than the one that the run was predicted on; recorded."),
]
SampleIds = Annotated[
    list[str],
    _option("--sample", "VIDEO[/EXPRESSION]", "Only these samples; repeatable.", default_factory=list),
]
PicturedSamples = Annotated[list[str], _option("--sample", "VIDEO/EXPRESSION", "Sample id; repeatable.")]
EveryNth = Annotated[int, _option("--every", "N", "Use every Nth frame.", min=1)]
Limit = Annotated[int | None, _option("--limit", "N", "Only the first N samples.")]
VideoNames = Annotated[
    str | None, _option("--videos", "A,B,C..E", "Only these videos; C..E: from C to E in the order of the split.")
]
SelfcheckLimit = Annotated[int, _option("--limit", "N", "Number of samples.", min=4)]
Videos = Annotated[int, _option("--videos", "N", "Number of videos.")]
Speech = Annotated[
    SpeechChoice,
    _option("--speech", None, "Synthesize speech: one voice per sentence, by rotation, or all (flite, festival)."),
]
Annotators = Annotated[int, _option("--annotators", "N", "Annotators per video, about eleven sentences each.")]
WorldNumber = Annotated[
    int, _option("--world", "1|2", "Version of the videos: 1, of mini, or 2, of mini2: two kinds, 16 to 48 frames.")
]
OppositeOrders = Annotated[
    float,
    _option(
        "--opposite-orders",
        "SHARE",
        "Share of videos in which two objects make the same two moves in opposite order, 0 to 1.",
    ),
]
DataFormatName = Annotated[
    str,
    _option("--format", "NAME", "refer-kitti: the layout of Refer-KITTI, as TransRMOT and TempRMOT read it."),
]
ExportedPredictions = Annotated[
    Path | None,
    _option("--predictions", "PREDS", "An RMOT run, or tracks in any format that score reads."),
]
FrameCopies = Annotated[FrameFiles, _option("--frames", None, "Link to the images, or copy them.")]

# Methods
TaskName = Annotated[
    str | None,
    _option("--task", "|".join(TASK_NAMES), "The task.", autocompletion=TASKS),
]
TaskNames = Annotated[
    str | None,
    _option(
        "--task",
        "|".join(TASK_NAMES),
        "The task, or several: rvos,rmot.",
        autocompletion=TASKS,
    ),
]
ScoredTaskName = Annotated[
    str | None, _option("--task", "|".join(TASK_NAMES), "Default: the run's, or the data set's first.")
]
_METHOD = _option("--method", "NAME[:VARIANT]", "See mevis-bench list methods.", autocompletion=METHODS)
MethodName = Annotated[str | None, _METHOD]
MethodNames = Annotated[
    str | None,
    _option(
        "--method",
        "NAME[:VARIANT],...",
        "See mevis-bench list methods. Several: every one on every task.",
        autocompletion=METHODS,
    ),
]
TrainedMethodName = Annotated[str, _METHOD]
TriedMethods = Annotated[
    str,
    _option(
        "--method",
        "NAME[:VARIANT],...",
        "Methods, side by side.",
        autocompletion=METHODS,
    ),
]
Reader = Annotated[str, _option("--reader", "NAME[:VARIANT]", "The RVOS method that reads the sentences.")]
Ceiling = Annotated[bool, _option("--ceiling", None, "Have it read the data set's own sentences, too.")]
SelfcheckMethod = Annotated[str, _option("--method", "NAME", "A method of task rvos.")]
Variant = Annotated[str | None, _option("--variant", "NAME", "Variant of the method.")]
Variants = Annotated[str | None, _option("--variant", "NAME,...", "Variant of the method, or several.")]
MethodDirs = Annotated[
    list[Path],
    _option("--method-dir", "DIR", "A folder with further method folders; repeatable.", default_factory=list),
]
Weights = Annotated[
    list[str],
    _option(
        "--weights",
        "FILE|NAME=FILE|DIR",
        "A weights file, a weights store (one folder per method), or 'untrained' for seeded random weights.",
        default_factory=list,
    ),
]
Settings = Annotated[
    list[str],
    _option("--set", "KEY=VALUE", "Override one configuration key (a.b=c); repeatable.", default_factory=list),
]
BridgeName = Annotated[
    str | None,
    _option(
        "--bridge",
        "NAME",
        "Adapter for a method of another task: speech_to_text, oracle_text or masks_to_tracks. Default: the usual one, "
        "if any.",
    ),
]
AsrModel = Annotated[
    str | None,
    _option("--asr-model", "SIZE|PATH", "Whisper model of the bridge speech_to_text. Default: base."),
]
FormerAsrModel = Annotated[str | None, _former("--recogniser")]
Perturbation = Annotated[
    str | None,
    _option(
        "--perturb",
        "HOW",
        "Change prompts or frames before the method sees them: words, shuffle, reverse, static or every-K.",
    ),
]
BasePython = Annotated[
    Path | None, _option("--python", "FILE", "Base interpreter. Default: the newest compatible one.")
]
Recreate = Annotated[bool, _option("--recreate", None, "Remove an existing environment first.")]

RequiredChecks = Annotated[
    str | None, _option("--require", "NAME,...", "Optional checks that are required here, for instance java,gpu.")
]

# Running
Seed = Annotated[int, _SEED]
RunSeed = Annotated[int | None, _SEED]
Device = Annotated[str, _DEVICE]
RunDevice = Annotated[str | None, _DEVICE]
Compile = Annotated[
    bool, _option("--compile", None, "Compile the networks' layers with torch.compile: a slow start, then faster.")
]
Engine = Annotated[str | None, _option("--engine", "local|ray", "Run on this machine or on a Ray cluster.")]
Address = Annotated[
    str | None, _option("--address", "HOST:PORT|auto", "Address of the Ray cluster. Default: a local one.")
]
Shard = Annotated[str | None, _option("--shard", "I/N", "Only shard I of N; see mevis-bench merge.")]
PoolProcesses = Annotated[int | None, _option("--workers", "N", "Number of pool processes that predict. Default: 1.")]
Timeout = Annotated[float | None, _option("--timeout", "SECONDS", "Fail a sample that takes longer.")]
RetryFailed = Annotated[bool, _option("--retry-failed", None, "Try failed samples again.")]
FailFast = Annotated[bool, _option("--fail-fast", None, "Stop at the first failed sample.")]
MaxFailures = Annotated[int | None, _option("--max-failures", "N", "Stop after N failed samples.")]
PrintPlan = Annotated[bool, _option("--dry-run", None, "Print the plan without running it.")]
DryRun = Annotated[
    bool, _option("--dry-run", None, "Make ten steps of every stage, print sizes and times, write nothing.")
]
Kills = Annotated[int, _option("--kills", "N", "Number of kill -9 restarts.", min=1)]

# Scoring
ProtocolName = Annotated[
    str | None,
    _option(
        "--protocol",
        "NAME",
        f"Scoring protocol: {', '.join(PROTOCOLS)}. Default: that of the data set; its name is stored with the scores.",
    ),
]
Objective = Annotated[
    Literal["balanced", "final"],
    _option("--objective", None, "Mean of N-acc. and T-acc., or of J&F, N-acc. and T-acc. (final)."),
]
MissingRule = Annotated[
    str, _option("--missing", "error|zero", "A missing or invalid prediction is an error, or counts 0.")
]
NoTargetRule = Annotated[str, _option("--no-target", "empty|flag|pixels:N", "Condition for a 'no target' prediction.")]
EmptyOnTargetRule = Annotated[
    str, _option("--empty-on-target", "scored|zero", "Score of a 'no target' prediction for a target.")
]
ReferenceRule = Annotated[
    str,
    _option("--references", "all|own", "rmeg: all sentences of the same targets, or only the sample's own."),
]
Threshold = Annotated[int | None, _option("--threshold", "N", "PNG: values >= N are foreground.", min=1, max=255)]
SliceFile = Annotated[
    Path | None,
    _option("--slices", "FILE", "YAML with one 'name: condition' per line, like 'frames > 99 and J < 0.1'."),
]
ScoringProcesses = Annotated[
    int | None, _option("--workers", "N", "Number of scoring processes. Default: one per core.", min=1)
]
ScoringDevice = Annotated[
    str, _option("--device", "cpu|cuda[:N]|auto", "Device of dense arithmetic; the scores are the same.")
]
ExternalName = Annotated[str | None, _option("--name", "TEXT", "Name of predictions of other code, in all tables.")]
Verify = Annotated[bool, _option("--verify", None, "Score 20 samples again with independent reference code.")]
VerifyAll = Annotated[bool, _option("--verify-all", None, "Score all samples again; slow.")]
MetricName = Annotated[str | None, _option("--metric", "NAME", "The per-sample metric that ranks the samples.")]

# Output
Progress = Annotated[
    ProgressMode, _option("--progress", None, "A bar on a terminal and lines elsewhere, lines everywhere, or none.")
]
Capabilities = Annotated[bool, _option("--capabilities", None, "How much of every method of the paper is here.")]
Sizes = Annotated[bool, _option("--sizes", None, "Parameters of every variant and their bytes.")]
Json = Annotated[bool, _option("--json", None, "Print one JSON document instead of tables.")]
Out = Annotated[Path | None, _option("--out", "DIR", "Output folder.")]
RunOut = Annotated[
    Path | None,
    _option("--out", "DIR", "Run folder; of several runs their parent. Default: a fixed one under runs/ for each."),
]
TrainOut = Annotated[Path | None, _option("--out", "DIR", "Output folder. Default: runs/train-METHOD-VARIANT.")]
MergedOut = Annotated[Path, _option("--out", "DIR", "Folder of the merged run.")]
SuiteData = Annotated[
    Path | None, _option("--data", "DIR", "For <task>-all: a folder with one folder per data set, named like it.")
]
SuiteOut = Annotated[Path, _option("--out", "DIR", "Parent folder of the run folders.")]
NewSplitOut = Annotated[Path, _option("--out", "DIR", "Parent folder; the split is written to DIR/SPLIT.")]
DataOut = Annotated[Path, _option("--out", "DIR", "Folder of the data set.")]
ImportOut = Annotated[Path, _option("--out", "DIR", "A new folder for the split.")]
SiteOut = Annotated[Path, _option("--out", "DIR", "Folder of the site.")]
TriedOut = Annotated[Path, _option("--out", "DIR", "Output folder.")]
NewFolder = Annotated[Path, _option("--out", "DIR", "A new folder.")]
MethodOut = Annotated[
    Path | None, _option("--out", "DIR", "Parent folder. Default: baselines/ in a checkout, else ./methods.")
]
ImageOut = Annotated[Path, _option("--out", "FILE", "Image file.")]
ZipOut = Annotated[Path, _option("--out", "FILE", "Zip file to write.")]
CompareTo = Annotated[Path | None, _option("--compare-to", "RUN", "A scored reference run: show changes from it.")]
Against = Annotated[Path | None, _former("--against")]
TableFormat = Annotated[str, _option("--format", "FORMAT", "terminal, markdown, csv, latex, json or html.")]
Form = Annotated[str | None, _former("--form")]
AsLeaderboard = Annotated[
    bool,
    _option(
        "--leaderboard", None, "Rank the runs: intervals, tiers, which ones read the words, the paper's order (tau)."
    ),
]
References = Annotated[
    list[Path],
    _option(
        "--reference",
        "PREDS",
        "With --leaderboard: scored predictions that used the ground truth, shown without a tier; repeatable.",
        default_factory=list,
    ),
]
VsPaper = Annotated[bool, _former("--vs-paper")]
Versus = Annotated[
    Literal["paper", "published"] | None,
    _option("--vs", None, "Print runs beside the paper's numbers or beside those of others, with what differs."),
]
ProtocolFacts = Annotated[
    bool, _option("--protocol-facts", None, "Print below the tables how each number came about, see protocol RUN.")
]
ExportTarget = Annotated[
    str, _option("--to", "TARGET", "parquet, tensorboard, wandb or mlflow; installed packages may add more.")
]
BaselineFile = Annotated[Path, _option("--expected", "FILE", "The baseline (configs/suites/*.expected.json).")]
NewBaselineFile = Annotated[
    Path, _option("--expected", "FILE", "The baseline to write (configs/suites/*.expected.json).")
]
FormerAccept = Annotated[bool, _former("--accept")]
HistoryFile = Annotated[Path, _option("--file", "FILE", "History file, one line per run and date.")]
ProfileName = Annotated[str | None, _option("--profile", "NAME", "Rules of the server. Default: that of the data set.")]
