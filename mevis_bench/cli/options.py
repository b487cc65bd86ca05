"""Options that several commands share, each written once.

Every flag of every command has an environment twin ``MEVIS_BENCH_<FLAG>`` (``--data`` is ``MEVIS_BENCH_DATA``); the
twins are given in ``cli.app``, not here. A flag on the command line wins over its twin.
"""

from pathlib import Path
from typing import Annotated

import typer

from mevis_bench.records.task_names import TASK_NAMES

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="A MeViS folder, or a split itself (a folder with meta_expressions*.json). Default: the embedded split.",
    ),
]
SplitName = Annotated[str, typer.Option("--split", metavar="NAME", help="Split inside --data.")]
Device = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda[:N]", help="Where to compute; auto takes CUDA if there is.")
]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to write.")]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of everything random.")]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one key of the configuration (a.b=c); may be repeated.",
        default_factory=list,
    ),
]
MethodDirs = Annotated[
    list[Path],
    typer.Option(
        "--method-dir",
        metavar="DIR",
        help="A folder of method folders of your own; may be repeated.",
        default_factory=list,
    ),
]
Weights = Annotated[
    list[str],
    typer.Option(
        "--weights",
        metavar="FILE|NAME=FILE|DIR|untrained",
        help="A weights file, a weights store (one folder per method), or 'untrained': seeded random weights.",
        default_factory=list,
    ),
]
TaskName = Annotated[str | None, typer.Option("--task", metavar="|".join(TASK_NAMES), help="Name of the task.")]
