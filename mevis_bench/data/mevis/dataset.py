"""The data sets in MeViS's layout: the two minis, MeViS v2 and MeViS v1."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from mevis_bench.data.mevis.layout import EMBEDDED, META_NAMES, SplitLayout, find_split
from mevis_bench.data.mevis.split import MevisSplit
from mevis_bench.data.mevis.validation import validate_split
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.task_names import TASK_NAMES

_LAYOUT = """\
DIR/
  <split>/{meta}   expressions with "exp" and, where there is ground truth, "anno_id"
  <split>/mask_dict.json   masks of every object; valid and test have none
  <split>/JPEGImages/<video>/<frame>.jpg
"""

MINI = DatasetInfo(
    name="mini",
    version="1",
    title="mini (synthetic, in MeViS's layout)",
    tasks=TASK_NAMES,
    splits=("valid_u", "train", "held_out"),
    license="Apache-2.0",
    protocol="mevis_v2",
    submission="mevis_v2",
    about="Generated videos of moving shapes with motion expressions, for tests and tutorials.",
    source="valid_u is shipped with mevis-bench; mevis-bench data make-mini writes any split.",
    layout=_LAYOUT.format(meta="meta_expressions_v2.json"),
)
MINI2 = replace(
    MINI,
    name="mini2",
    version="2",
    title="mini2 (synthetic, two kinds of things in half of the videos, in MeViS's layout)",
    about="Generated videos of 16 to 48 frames; half of them show two kinds of things, so that nouns count, too.",
    source="valid_u is shipped with mevis-bench; mevis-bench data make-mini --world 2 writes any split.",
)
MEVIS_V2 = DatasetInfo(
    name="mevis_v2",
    version="2",
    title="MeViSv2",
    tasks=TASK_NAMES,
    splits=("train", "valid_u", "valid", "test"),
    license="CC BY-NC-SA 4.0",
    protocol="mevis_v2",
    submission="mevis_v2",
    about="Motion expressions about one, several or no objects, some of them spoken: 2,006 videos, 33,072 expressions.",
    source="henghuiding.com/MeViS and github.com/henghuiding/MeViS name the downloads. The ground truth of valid and "
    "test is on the evaluation server.",
    layout=_LAYOUT.format(meta="meta_expressions_v2.json"),
)
MEVIS_V1 = DatasetInfo(
    name="mevis_v1",
    version="1",
    title="MeViS (2023), and other data in its layout",
    tasks=("rvos", "rmot", "rmeg"),
    splits=("train", "valid_u", "valid"),
    license="CC BY-NC-SA 4.0",
    protocol="mevis_v1",
    submission="mevis_v1",
    about="The first version of MeViS: 2,006 videos, 28,570 motion expressions; and other data in its layout.",
    source="henghuiding.com/MeViS and github.com/henghuiding/MeViS name the downloads.",
    layout=_LAYOUT.format(meta="meta_expressions.json"),
)

_MINI_KEY = b'"form": '
"""Key that only expressions of mini have; it is in the first one, at the start of the file."""


_WORLD_KEY = b'"world": '
"""Key of the expression file that names the version of generated data; version 1 has none."""


def _is_mini(world: int, layout: SplitLayout) -> bool:
    with layout.meta.open("rb") as file:
        start = file.read(4096)
    stated = _WORLD_KEY + str(world).encode() in start if world > 1 else _WORLD_KEY not in start
    return stated and _MINI_KEY in start


def _is_v2(layout: SplitLayout) -> bool:
    return layout.meta.name in META_NAMES[:-1]


def _entry(info: DatasetInfo, check: Callable[[SplitLayout], bool], embedded: str = EMBEDDED) -> DatasetEntry:
    def matches(root: Path | None, split: str) -> bool:
        try:
            return check(find_split(root, split, embedded))
        except (UsageError, OSError):
            return False

    def open_split(root: Path | None, split: str) -> MevisSplit:
        return MevisSplit(info, find_split(root, split, embedded))

    return DatasetEntry(info, matches, open_split, partial(validate_split, embedded=embedded))


DATASETS = (
    _entry(MINI, partial(_is_mini, 1)),
    _entry(MINI2, partial(_is_mini, 2), embedded=MINI2.name),
    _entry(MEVIS_V2, _is_v2),
    _entry(MEVIS_V1, lambda layout: True),
)
