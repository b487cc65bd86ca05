"""The data set A2D-Sentences."""

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
from mevis_bench.files.names import validate_name
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.schemas.external import A2dQuery

INFO = DatasetInfo(
    name="a2d_sentences",
    version="2018",
    title="A2D-Sentences",
    tasks=("rvos",),
    splits=("train", "test"),
    license="see the sites of A2D and of the sentences' authors",
    protocol="a2d_sentences",
    default_split="test",
    about="Sentences about actors in single frames of the clips of A2D: 3 to 5 annotated frames each. Ground truth is "
    "read from the COCO file that MTTR's script writes, so that no HDF5 reader is needed; train has none here.",
    source="web.eecs.umich.edu/~jjcorso/r/a2d (clips and frames) and kgavrilyuk.github.io/publication/actor_action "
    "(sentences). The three JSON files are those of MTTR (github.com/mttr2021/MTTR, also ReferFormer). Frames are read "
    "from Release/pngs320H; where you have the clips only: "
    "ffmpeg -i clips320H/VID.mp4 -start_number 1 pngs320H/VID/%05d.png. No server.",
    layout="""\
DIR/
  Release/pngs320H/<vid>/<00001>.png                          frames, numbered from 1
  a2d_sentences_single_frame_test_annotations.json            [[sentence, vid, frame, instance], ...]
  a2d_sentences_test_annotations_in_coco_format.json          images "v_<vid>_f_<frame>_i_<instance>"
  a2d_sentences_single_frame_train_annotations.json           where you have it
""",
)


_QUERIES = SplitFile(INFO, "a2d_sentences_single_frame_{split}_annotations.json")


def _open(root: Path, split: str) -> SingleFrames:
    path = _QUERIES.path(root, split)
    queries = [_query(row, location) for row, location in read_rows(path, A2dQuery)]
    truth = root / f"a2d_sentences_{split}_annotations_in_coco_format.json"
    return SingleFrames(INFO, root, split, queries, [path], truth)


def _query(row: A2dQuery, location: str) -> Query:
    text, clip, frame, instance = row
    video_id = validate_name(clip, "video id", location)
    return Query(f"v_{video_id}_f_{frame}_i_{instance}", text, f"Release/pngs320H/{video_id}", frame)


def _make_fixture(root: Path) -> None:
    """Write two clips with two queries each."""
    mark_as_fixture(root)
    rows: list[list[object]] = []
    masks = {}
    for seed, video_id in enumerate(("made_jump", "made_run")):
        scene = make_scene(seed, length=10)
        write_numbered_frames(root / "Release/pngs320H" / video_id, scene.frames, first=1, suffix=".png")
        for instance, frame in enumerate((2, 7)):
            rows.append([SENTENCES[instance], video_id, frame, instance])
            masks[f"v_{video_id}_f_{frame}_i_{instance}"] = scene.labels[frame - 1] == instance + 1
    write_json(_QUERIES.path(root, "test"), rows)
    write_coco(root / "a2d_sentences_test_annotations_in_coco_format.json", masks)


DATASETS = (folder_entry(_QUERIES, _open, _make_fixture),)
