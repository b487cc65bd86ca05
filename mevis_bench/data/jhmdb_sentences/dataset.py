"""The data set JHMDB-Sentences."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mevis_bench.data.fixtures import (
    SENTENCES,
    make_scene,
    mark_as_fixture,
    write_coco,
    write_json,
    write_numbered_frames,
)
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.single_frames import Query, SingleFrames, read_rows
from mevis_bench.data.split_file import SplitFile
from mevis_bench.files.names import validate_name, validate_relative_path
from mevis_bench.records import DataError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.external import JhmdbQuery

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
    "The frames were drawn at random, and others would give other scores: two lists are public, MTTR's (used by "
    "ReferFormer) and Long-RVOS's; results name the list as the version of the data set.",
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


_QUERIES = SplitFile(INFO, "jhmdb_sentences_samples_metadata.json")


def _open(root: Path, split: str) -> SingleFrames:
    path = _QUERIES.path(root, split)
    queries, frames = [], []
    for row, location in read_rows(path, JhmdbQuery):
        query, frame = _query(row, location)
        queries.append(query)
        frames.append(frame)
    digest = hash_of_list(frames)
    info = replace(INFO, version=f"{INFO.version}, frames of {LISTS.get(digest, f'list {digest[:8]}')}")
    truth = root / "jhmdb_sentences_gt_annotations_in_coco_format.json"
    return SingleFrames(info, root, split, queries, [path], truth)


def _query(row: JhmdbQuery, location: str) -> tuple[Query, tuple[str, int]]:
    video_id, path, _, _, text = row
    validate_name(video_id, "video id", location)
    match = _FRAME.fullmatch(path)
    if match is None:
        raise DataError("expected jhmdb_sentences/Rename_Images/<action>/<video>/<frame>.png", location=location)
    folder, frame = validate_relative_path(match[1], "frame folder", location), int(match[2])
    return Query(f"v_{video_id}_f_{frame}", text, folder, frame), (video_id, frame)


def _make_fixture(root: Path) -> None:
    """Write one video with three queries."""
    mark_as_fixture(root)
    video_id, folder = "made_golf_f_cm_np1", "jhmdb_sentences/Rename_Images/golf/made_golf_f_cm_np1"
    scene = make_scene(5, length=12, objects=1)
    write_numbered_frames(root / folder, scene.frames, first=1, suffix=".png")
    rows, masks = [], {}
    for frame in (1, 6, 12):
        puppet = f"./jhmdb_sentences/puppet_mask/golf/{video_id}/puppet_mask.mat"
        rows.append([video_id, f"./{folder}/{frame:05d}.png", puppet, 12, SENTENCES[0]])
        masks[f"v_{video_id}_f_{frame}"] = scene.labels[frame - 1] == 1
    write_json(_QUERIES.path(root, "test"), rows)
    write_coco(root / "jhmdb_sentences_gt_annotations_in_coco_format.json", masks)


DATASETS = (folder_entry(_QUERIES, _open, _make_fixture),)
