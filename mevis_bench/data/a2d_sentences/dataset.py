"""The data set A2D-Sentences."""

from pathlib import Path

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_frames, write_json
from mevis_bench.data.folder_validation import folder_validator, require_folder
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.data.single_frames import Query, SingleFrames, read_rows
from mevis_bench.files.names import is_valid_name, validate_name
from mevis_bench.files.strict_json import expect_type
from mevis_bench.masks.rle_json import to_json
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.dataset import DatasetInfo
from mevis_bench.records.suggestion import did_you_mean

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


def _list(root: Path, split: str) -> Path:
    return root / f"a2d_sentences_single_frame_{split}_annotations.json"


def _matches(root: Path | None, split: str) -> bool:
    try:
        return root is not None and is_valid_name(split) and _list(root, split).is_file()
    except OSError:
        return False


def _open(root: Path | None, split: str) -> SingleFrames:
    root = require_folder(root)
    if not _matches(root, split):
        found = [name for name in INFO.splits if _list(root, name).is_file()]
        raise UsageError(
            f"no split {split!r}: {_list(root, split).name} is missing",
            location=str(root),
            hint=did_you_mean(split, found),
        )
    path = _list(root, split)
    queries = [_query(row, f"{path}, entry {index}") for index, row in enumerate(read_rows(path, 4))]
    truth = root / f"a2d_sentences_{split}_annotations_in_coco_format.json"
    return SingleFrames(INFO, root, split, queries, [path], truth)


def _query(row: list[object], location: str) -> Query:
    text, video_id = expect_type(row[0], str, location), validate_name(row[1], "video id", location)
    frame, instance = (expect_type(value, int, location) for value in row[2:])
    if not text.strip() or frame < 1 or instance < 0:
        raise DataError("expected a sentence, a clip, a frame from 1 and an instance from 0", location=location)
    return Query(f"v_{video_id}_f_{frame}_i_{instance}", text, f"Release/pngs320H/{video_id}", frame)


def _make_fixture(root: Path) -> None:
    """Write two clips with two queries each."""
    mark_as_fixture(root)
    rows: list[list[object]] = []
    images, annotations = [], []
    for seed, video_id in enumerate(("made_jump", "made_run")):
        scene = make_scene(seed, length=10)
        write_frames(
            root / "Release/pngs320H" / video_id, [f"{t + 1:05d}" for t in range(10)], scene.frames, suffix=".png"
        )
        for instance, frame in enumerate((2, 7)):
            segmentation = to_json((scene.labels == instance + 1)[frame - 1 : frame])[0]
            image_id = f"v_{video_id}_f_{frame}_i_{instance}"
            rows.append([SENTENCES[instance], video_id, frame, instance])
            images.append({"id": image_id, "height": 48, "width": 64})
            annotations.append(
                {"id": len(images), "image_id": image_id, "category_id": 1, "segmentation": segmentation, "iscrowd": 0}
            )
    write_json(_list(root, "test"), rows)
    write_json(
        root / "a2d_sentences_test_annotations_in_coco_format.json",
        {"categories": [{"id": 1, "name": "dummy_class"}], "images": images, "annotations": annotations},
    )


DATASETS = (DatasetEntry(INFO, _matches, _open, folder_validator(INFO, _matches, _open), _make_fixture),)
