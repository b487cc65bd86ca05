"""The data set JHMDB-Sentences."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_frames, write_json
from mevis_bench.data.folder_validation import folder_validator, require_folder
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.data.single_frames import Query, SingleFrames, read_rows
from mevis_bench.files.names import validate_name, validate_relative_path
from mevis_bench.files.strict_json import expect_type
from mevis_bench.masks.rle_json import to_json
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.suggestion import did_you_mean

INFO = DatasetInfo(
    name="jhmdb_sentences",
    version="2018",
    title="JHMDB-Sentences",
    tasks=("rvos",),
    splits=("test",),
    license="see the sites of JHMDB and of the sentences' authors",
    protocol="a2d_sentences",
    default_split="test",
    about="Sentences about the actor in three frames of each of 928 videos of 21 actions: 2,784 queries for tests. "
    "The frames were drawn at random, and two lists of them are public, MTTR's (ReferFormer uses it) and Long-RVOS's; "
    "results name the list as the version of the data set.",
    source="jhmdb.is.tue.mpg.de (not reachable in 2025; ReferDINO's issue 9 names a copy). The list of frames and the "
    "script that writes the COCO file are in github.com/mttr2021/MTTR, datasets/jhmdb_sentences. No server.",
    layout="""\
DIR/
  jhmdb_sentences/Rename_Images/<action>/<video>/<00001>.png   frames, numbered from 1
  jhmdb_sentences_samples_metadata.json                        [[video, frame, mask, usable frames, sentence], ...]
  jhmdb_sentences_gt_annotations_in_coco_format.json           images "v_<video>_f_<frame>"
""",
    counts={"test": {"videos": 2784, "expressions": 2784}},
)

LISTS: Mapping[str, str] = {
    "93181c7cb90844e01545024749e3440b2b4ca18823234f3bd9263125b6057232": "MTTR",
    "a055c325d8227ce72c1a5e56d8cccc261cd4c9e214781e2b3d0d9f4a5ceae00b": "Long-RVOS",
}
"""The public lists of frames, by :func:`hash_of_list` (MTTR 2cc35ab, Long_RVOS 447682a)."""

_FRAME = re.compile(r"(?:\./|data/)?(jhmdb_sentences/Rename_Images/[^/]+/[^/]+)/(\d{5})\.png")


def hash_of_list(queries: Sequence[tuple[str, int]]) -> str:
    """Return the SHA-256 of the sorted lines ``<video> <frame>``."""
    return hashlib.sha256("\n".join(f"{video} {frame}" for video, frame in sorted(queries)).encode()).hexdigest()


def _list(root: Path) -> Path:
    return root / "jhmdb_sentences_samples_metadata.json"


def _matches(root: Path | None, split: str) -> bool:
    try:
        return root is not None and split in INFO.splits and _list(root).is_file()
    except OSError:
        return False


def _open(root: Path | None, split: str) -> SingleFrames:
    root = require_folder(root)
    if split not in INFO.splits:
        raise UsageError(f"no split {split!r}", location=str(root), hint=did_you_mean(split, INFO.splits))
    path = _list(root)
    if not path.is_file():
        raise UsageError(
            f"the list of frames is missing: {path.name}",
            location=str(root),
            hint="Frames were drawn once and published; drawing others would give other scores. See: "
            "mevis-bench data info jhmdb_sentences",
        )
    queries, frames = [], []
    for index, row in enumerate(read_rows(path, 5)):
        query, frame = _query(row, f"{path}, entry {index}")
        queries.append(query)
        frames.append(frame)
    digest = hash_of_list(frames)
    info = replace(INFO, version=f"{INFO.version}, frames of {LISTS.get(digest, f'list {digest[:8]}')}")
    truth = root / "jhmdb_sentences_gt_annotations_in_coco_format.json"
    return SingleFrames(info, root, split, queries, [path], truth)


def _query(row: list[object], location: str) -> tuple[Query, tuple[str, int]]:
    video_id, text = validate_name(row[0], "video id", location), expect_type(row[4], str, location)
    match = _FRAME.fullmatch(expect_type(row[1], str, location))
    if match is None or not text.strip():
        raise DataError("expected jhmdb_sentences/Rename_Images/<action>/<video>/<frame>.png", location=location)
    folder, frame = validate_relative_path(match[1], "frame folder", location), int(match[2])
    return Query(f"v_{video_id}_f_{frame}", text, folder, frame), (video_id, frame)


def _make_fixture(root: Path) -> None:
    """Write one video with three queries."""
    mark_as_fixture(root)
    video_id, folder = "made_golf_f_cm_np1", "jhmdb_sentences/Rename_Images/golf/made_golf_f_cm_np1"
    scene = make_scene(5, length=12, objects=1)
    write_frames(root / folder, [f"{t + 1:05d}" for t in range(12)], scene.frames, suffix=".png")
    rows, images, annotations = [], [], []
    for number, frame in enumerate((1, 6, 12), 1):
        segmentation = to_json((scene.labels == 1)[frame - 1 : frame])[0]
        image_id = f"v_{video_id}_f_{frame}"
        puppet = f"./jhmdb_sentences/puppet_mask/golf/{video_id}/puppet_mask.mat"
        rows.append([video_id, f"./{folder}/{frame:05d}.png", puppet, 12, SENTENCES[0]])
        images.append({"id": image_id, "height": 48, "width": 64})
        annotations.append(
            {"id": number, "image_id": image_id, "category_id": 1, "segmentation": segmentation, "iscrowd": 0}
        )
    write_json(_list(root), rows)
    write_json(
        root / "jhmdb_sentences_gt_annotations_in_coco_format.json",
        {"categories": [{"id": 1, "name": "dummy_class"}], "images": images, "annotations": annotations},
    )


DATASETS = (DatasetEntry(INFO, _matches, _open, folder_validator(INFO, _matches, _open), _make_fixture),)
