"""The data set Long-RVOS."""

from pathlib import Path

import numpy as np

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_frames, write_json
from mevis_bench.data.folder_validation import folder_validator, require_folder
from mevis_bench.data.long_rvos.split import LongRvosSplit
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.files.names import is_valid_name
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.hub_source import HubSource
from mevis_bench.records.suggestion import did_you_mean

_SPLITS = ("train", "valid", "test")

INFO = DatasetInfo(
    name="long_rvos",
    version="2025",
    title="Long-RVOS",
    tasks=("rvos",),
    splits=_SPLITS,
    license="data card: Apache-2.0; README of the code: MIT",
    protocol="long_rvos",
    default_split="valid",
    about="Sentences about one object each in long videos, 361.7 frames on average: static, dynamic and hybrid. J&F "
    "rewards silence where the target is absent; tIoU and vIoU do not.",
    source="github.com/iSEE-Laboratory/Long_RVOS links the data (three archives per split; train: 51 GB). No server.",
    layout="""\
DIR/
  {train,valid,test}/meta_expressions.json
  {train,valid,test}/JPEGImages/<video>/<frame>.jpg
  {train,valid,test}/Annotations/<video>/<object>/<frame>.png   0 and 255; no file: the object is absent
""",
    hub={
        split: HubSource(
            "iSEE-Laboratory/Long-RVOS",
            None,
            files=tuple(
                f"{split}/{file}" for file in ("meta_expressions.json", "JPEGImages.tar.gz", "Annotations.tar.gz")
            ),
        )
        for split in _SPLITS
    },
    counts={"train": {"videos": 1855}, "valid": {"videos": 112}, "test": {"videos": 226}},
)

_HEAD = 2**16
"""Bytes of the expression file that show its keys; MeViS has ``anno_id`` there, Long-RVOS ``type``."""


def _meta(root: Path, split: str) -> Path:
    return root / split / "meta_expressions.json"


def _matches(root: Path | None, split: str) -> bool:
    try:
        if root is None or not is_valid_name(split):
            return False
        with _meta(root, split).open("rb") as file:
            head = file.read(_HEAD)
        return b'"type"' in head and b'"obj_id"' in head and b'"anno_id"' not in head
    except OSError:
        return False


def _open(root: Path | None, split: str) -> LongRvosSplit:
    root = require_folder(root)
    if not is_valid_name(split) or not _meta(root, split).is_file():
        found = [name for name in INFO.splits if _meta(root, name).is_file()]
        raise UsageError(f"no split {split!r}", location=str(root), hint=did_you_mean(split, found))
    return LongRvosSplit(INFO, root, split)


def _make_fixture(root: Path) -> None:
    """Write two videos whose second object is absent in the first two frames."""
    from PIL import Image

    mark_as_fixture(root)
    videos = {}
    for seed, video_id in enumerate(("made-0001", "made-0002")):
        scene = make_scene(seed, length=6)
        names = [f"{t:05d}" for t in range(len(scene.frames))]
        write_frames(root / "valid/JPEGImages" / video_id, names, scene.frames)
        for label in (1, 2):
            folder = root / "valid/Annotations" / video_id / str(label)
            folder.mkdir(parents=True)
            for t in range(2 * (label - 1), len(names)):
                Image.fromarray((scene.labels[t] == label).astype(np.uint8) * 255).save(folder / f"{names[t]}.png")
        kinds = ("static", "dynamic", "static+dynamic")
        videos[video_id] = {
            "frames": names,
            "expressions": {
                str(i): {"exp": SENTENCES[i % 2], "obj_id": i % 2 + 1, "type": kind} for i, kind in enumerate(kinds)
            },
        }
    write_json(_meta(root, "valid"), {"videos": videos})


DATASETS = (DatasetEntry(INFO, _matches, _open, folder_validator(INFO, _matches, _open), _make_fixture),)
