"""The data set Refer-YouTube-VOS."""

from pathlib import Path

from mevis_bench.data.fixtures import (
    SENTENCES,
    make_scene,
    mark_as_fixture,
    write_frames,
    write_json,
    write_label_images,
)
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.refer_youtube_vos.split import META, LabelImageSplit, find_layout
from mevis_bench.data.sentences import first_video_id
from mevis_bench.data.split_file import SplitFile
from mevis_bench.records import UsageError
from mevis_bench.records.dataset import DatasetInfo

INFO = DatasetInfo(
    name="refer_youtube_vos",
    version="2021",
    title="Refer-YouTube-VOS",
    tasks=("rvos",),
    splits=("train", "valid", "test"),
    license="not stated; videos are those of YouTube-VOS (non-commercial research, to be checked there)",
    protocol="refer_youtube_vos",
    submission="refer_youtube_vos",
    default_split="valid",
    about="Sentences about one object each in videos of YouTube-VOS; every fifth frame is annotated. Valid has 202 "
    "videos and 834 sentences.",
    source="github.com/skynbe/Refer-Youtube-VOS. Frames and sentences need a form. The servers (CodaLab 29139 and "
    "13520) are closed; the author links the ground truth of valid in issues 7 and 8: unpack it as valid_truth/. The "
    "server's code is not public, so scores computed here are local, not the server's.",
    layout="""\
DIR/
  meta_expressions/{train,valid,test}/meta_expressions.json    valid's file holds test's videos, too
  train/JPEGImages/<video>/<frame>.jpg
  train/Annotations/<video>/<frame>.png                        palette images: pixel value = obj_id
  valid/JPEGImages/<video>/<frame>.jpg
  valid_truth/meta_expressions.json                            where you have it: with obj_id, as train's
  valid_truth/Annotations/<video>/<frame>.png
""",
    counts={
        "train": {"videos": 3471, "expressions": 12913},
        "valid": {"videos": 202, "expressions": 834, "frames": 5486},
        "test": {"videos": 305},
    },
)

_HEX = frozenset("0123456789abcdef")


def is_youtube_vos(meta: Path) -> bool:
    """Whether the first video of an expression file has an id of YouTube-VOS: ten hexadecimal digits.

    Ref-DAVIS17 in the same layout has words.

    Raises:
        OSError: The file cannot be read.
    """
    video_id = first_video_id(meta)
    return video_id is not None and len(video_id) == 10 and _HEX.issuperset(video_id)


_META = SplitFile(INFO, META)


def _open(root: Path, split: str) -> LabelImageSplit:
    layout = find_layout(root, split)
    if not is_youtube_vos(layout.meta):
        raise UsageError("the videos are not those of YouTube-VOS", location=str(layout.meta))
    return LabelImageSplit(INFO, layout)


def _make_fixture(root: Path) -> None:
    """Write two videos of valid with ground truth, one of test, one of train."""
    mark_as_fixture(root)
    videos = {"valid": ("0a1b2c3d4e", "1f2e3d4c5b"), "test": ("9988776655",), "train": ("abcdef0123",)}
    metas: dict[str, dict[str, object]] = {split: {} for split in videos}
    truth = {}
    for seed, (split, video_id) in enumerate((split, video_id) for split, ids in videos.items() for video_id in ids):
        scene = make_scene(seed)
        names = [f"{5 * (t + seed % 2):05d}" for t in range(len(scene.frames))]
        write_frames(root / split / "JPEGImages" / video_id, names, scene.frames)
        named = {str(i): {"exp": SENTENCES[i], "obj_id": str(i + 1)} for i in range(2)}
        prompted = {key: {"exp": value["exp"]} for key, value in named.items()}
        metas[split][video_id] = {"expressions": named if split == "train" else prompted, "frames": names}
        if split == "valid":
            truth[video_id] = {"expressions": named, "frames": names}
            write_label_images(root / "valid_truth/Annotations" / video_id, names, scene.labels)
        elif split == "train":
            write_label_images(root / "train/Annotations" / video_id, names, scene.labels)
    metas["valid"] |= metas["test"]
    for split, entries in metas.items():
        write_json(_META.path(root, split), {"videos": entries})
    write_json(root / "valid_truth/meta_expressions.json", {"videos": truth})


DATASETS = (folder_entry(_META, _open, _make_fixture, is_youtube_vos),)
