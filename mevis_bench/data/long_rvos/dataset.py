"""The data set Long-RVOS."""

from pathlib import Path

import numpy as np

from mevis_bench.data.fixtures import (
    SENTENCES,
    make_scene,
    mark_as_fixture,
    write_json,
    write_masks,
    write_numbered_frames,
)
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.long_rvos.split import LongRvosSplit
from mevis_bench.data.sentences import has_keys
from mevis_bench.data.split_file import SplitFile
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.hub_source import HubSource

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

_META = SplitFile(INFO, "{split}/meta_expressions.json")


def _accepts(meta: Path) -> bool:
    """Return whether an expression file is of Long-RVOS; that of a split of MeViS has the same name."""
    return has_keys(meta, present=("type", "obj_id"), absent=("anno_id",))


def _open(root: Path, split: str) -> LongRvosSplit:
    return LongRvosSplit(INFO, root, split, _META.path(root, split))


def _make_fixture(root: Path) -> None:
    """Write two videos whose second object is absent in the first two frames."""
    mark_as_fixture(root)
    videos = {}
    for seed, video_id in enumerate(("made-0001", "made-0002")):
        scene = make_scene(seed, length=6)
        names = write_numbered_frames(root / "valid/JPEGImages" / video_id, scene.frames)
        for label in (1, 2):
            visible = np.s_[2 * (label - 1) :]
            folder = root / "valid/Annotations" / video_id / str(label)
            write_masks(folder, names[visible], scene.labels[visible] == label)
        kinds = ("static", "dynamic", "static+dynamic")
        videos[video_id] = {
            "frames": names,
            "expressions": {
                str(i): {"exp": SENTENCES[i % 2], "obj_id": i % 2 + 1, "type": kind} for i, kind in enumerate(kinds)
            },
        }
    write_json(_META.path(root, "valid"), {"videos": videos})


DATASETS = (folder_entry(_META, _open, _make_fixture, _accepts),)
