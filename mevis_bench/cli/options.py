"""Options that several commands share.

Every option can be set by the environment variable ``MEVIS_BENCH_<FLAG>`` (``--data`` by ``MEVIS_BENCH_DATA``), see
``cli.app``; the command line takes precedence.
"""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records.task_names import TASK_NAMES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="A MeViS folder, or a split folder (with meta_expressions*.json). Default: the bundled mini split.",
    ),
]
DataSetName = Annotated[
    str | None,
    typer.Option(
        "--data-set",
        metavar="NAME",
        help="Data set of --data, see mevis-bench list data-sets. Default: recognized by its files.",
    ),
]
SplitName = Annotated[
    str | None,
    typer.Option("--split", metavar="NAME", help="Split inside --data. Default: the data set's usual one."),
]
RunSplitName = Annotated[
    str | None,
    typer.Option(
        "--split", metavar="NAME", help="Split inside --data. Default: the run's, or the data set's usual one."
    ),
]
AllowOtherSplit = Annotated[
    bool,
    typer.Option("--allow-other-split", help="Use another split than the one that the run was predicted on; recorded."),
]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda[:N]", help="Compute device; auto: CUDA if available.")
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Output folder.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Random seed.")]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override one configuration key (a.b=c); repeatable.",
        default_factory=list,
    ),
]
MethodDirs = Annotated[
    list[Path],
    typer.Option(
        "--method-dir",
        metavar="DIR",
        help="A folder with further method folders; repeatable.",
        default_factory=list,
    ),
]
Weights = Annotated[
    list[str],
    typer.Option(
        "--weights",
        metavar="FILE|NAME=FILE|DIR|untrained",
        help="A weights file, a weights store (one folder per method), or 'untrained' for seeded random weights.",
        default_factory=list,
    ),
]
ProtocolName = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        metavar="|".join(PROTOCOLS),
        help="Scoring protocol. Default: that of the data set; its name is stored with the scores.",
    ),
]
TaskName = Annotated[str | None, typer.Option("--task", metavar="|".join(TASK_NAMES), help="The task.")]


def own_split_first(
    context: typer.Context, predictions: Path, data: Path | None, split: str | None, data_set: str | None = None
) -> tuple[Path | None, str | None, str | None]:
    """Return ``--data``, ``--split`` and ``--data-set`` without those that only an environment variable sets for a run.

    A run records its split. A variable of the shell, set for other commands, must not change what it is scored on.
    """
    if not (predictions / "manifest.json").is_file():
        return data, split, data_set

    def given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name != "ENVIRONMENT"

    return (
        data if given("data") else None,
        split if given("split") else None,
        data_set if given("data_set") else None,
    )
