"""Which files make a split, and where a split is."""

import importlib.resources
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.synthetic.world import WORLDS
from mevis_bench.files.names import is_valid_name
from mevis_bench.records import UsageError
from mevis_bench.records.suggestion import did_you_mean

META_NAMES = (
    "meta_expressions_v2_release.json",
    "meta_expressions_v2.json",
    "meta_expressions_text_release.json",
    "meta_expressions.json",
)
"""Names of the expression file, newest first: a folder that holds several is read as MeViSv2."""

MASK_NAME = "mask_dict.json"

BOX_NAME = "box_dict.json"
"""Boxes of the objects with their decimals, where the masks were drawn from boxes (``data import``)."""

FRAME_FOLDER = "JPEGImages"

EMBEDDED, EMBEDDED_SPLIT = "mini", "valid_u"
"""The embedded data set where none is named, and the split of each that is embedded."""


@dataclass(frozen=True, slots=True)
class SplitLayout:
    """The files of one split.

    Attributes:
        root: The split's folder.
        meta: The expression file.
        masks: ``mask_dict.json``; ``None`` where the split has no truth (valid, test).
        boxes: ``box_dict.json``; ``None`` where tracks are those of the masks.
        data_root: The folder that was given, which links may not lead out of: ``root`` or the one above it.
    """

    root: Path
    meta: Path
    masks: Path | None
    boxes: Path | None
    data_root: Path

    @property
    def frames(self) -> Path:
        """The folder that has one folder of frames a video."""
        return self.root / FRAME_FOLDER


def find_split(root: Path | None, name: str, embedded: str = EMBEDDED) -> SplitLayout:
    """Find a split.

    Args:
        root: A MeViS folder, or a split itself, which is a folder that holds an expression file; ``None``: an
            embedded one.
        name: The split's folder in ``root``; not looked at where ``root`` itself is a split.
        embedded: Name of the embedded data set, a folder beside this package.

    Raises:
        UsageError: There is no such split; the hint lists them.
    """
    if root is None:
        return _embedded(name, embedded)
    if not root.is_dir():
        raise UsageError("folder not found", location=str(root), hint="--data names a MeViS folder or a split.")
    layout = _layout(root, root) or (_layout(root / name, root) if is_valid_name(name) else None)
    if layout is None:
        found = sorted(folder.name for folder in root.iterdir() if folder.is_dir() and _layout(folder, root))
        hint = did_you_mean(name, found) if found else f"A split is a folder with {META_NAMES[-1]} or {META_NAMES[1]}."
        raise UsageError(f"split '{name}' not found", location=str(root), hint=hint)
    return layout


def _embedded(name: str, data_set: str) -> SplitLayout:
    mini = Path(str(importlib.resources.files("mevis_bench.data"))) / data_set
    layout = _layout(mini / EMBEDDED_SPLIT, mini)
    if layout is None or name != EMBEDDED_SPLIT:
        number = next(number for number, world in WORLDS.items() if world.data_set == data_set)
        world = f" --world {number}" if number > 1 else ""
        raise UsageError(
            f"split '{name}' of {data_set} is not shipped; only '{EMBEDDED_SPLIT}' is",
            hint=f"Make it: mevis-bench data make-mini{world} --split {name} --videos 500 --seed 1 --out DIR\n"
            f"and use it: --data DIR --split {name}",
        )
    return layout


def _layout(folder: Path, data_root: Path) -> SplitLayout | None:
    for name in META_NAMES:
        if (folder / name).is_file():
            masks, boxes = folder / MASK_NAME, folder / BOX_NAME
            return SplitLayout(
                root=folder,
                meta=folder / name,
                masks=masks if masks.is_file() else None,
                boxes=boxes if boxes.is_file() else None,
                data_root=data_root,
            )
    return None
