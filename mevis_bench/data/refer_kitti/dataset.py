"""The data sets Refer-KITTI and Refer-KITTI-V2."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from mevis_bench.data.fixtures import make_scene, mark_as_fixture, write_json, write_numbered_frames
from mevis_bench.data.folder_validation import Progress, validate_folders
from mevis_bench.data.refer_kitti.files import EXPRESSIONS, FRAMES, LABELS, SEQMAP
from mevis_bench.data.refer_kitti.split import ReferKittiSplit, find_root
from mevis_bench.data.registry import DatasetEntry
from mevis_bench.data.validation import ValidationReport
from mevis_bench.files.atomic import atomic_write
from mevis_bench.masks.mask_rows import MaskRows
from mevis_bench.masks.tracks import boxes_of
from mevis_bench.records.dataset import DatasetInfo

INFO = DatasetInfo(
    name="refer_kitti",
    version="2023",
    title="Refer-KITTI",
    tasks=("rmot",),
    splits=("train", "test"),
    license="code MIT; KITTI CC BY-NC-SA 3.0; the license of the sentences is not stated",
    protocol="refer_kitti_frame_corrected",
    default_split="test",
    about="818 sentences about tracked cars and people in 18 videos of KITTI; a sentence refers to any number of "
    "objects, each in some frames. The three videos of test have 158 sentences, of which the seqmap names 150: these "
    "are scored. Published results are of two versions of the ground truth, which differ by one frame: "
    "--protocol refer_kitti_frame_corrected (the default; TempRMOT and later) and refer_kitti_as_published_2023.",
    source="github.com/wudongming97/RMOT: labels, expressions and seqmap.txt. The images are KITTI's left color images "
    "of the tracking benchmark (cvlibs.net, with a login).",
    layout="""\
DIR/
  KITTI/training/image_02/<video>/<%06d>.png            from 000000
  KITTI/labels_with_ids/image_02/<video>/<%06d>.txt     <class> <track> <x> <y> <w> <h>, shares of the image
  expression/<video>/<expression>.json                  {"label": {"<frame>": [<track>]}, "sentence": ...}
  seqmap.txt                                            <video>+<expression>, one per line: what is scored
""",
    counts={"train": {"videos": 15}, "test": {"videos": 3, "expressions": 150}},
)

INFO_V2 = replace(
    INFO,
    name="refer_kitti_v2",
    version="2024",
    title="Refer-KITTI-V2",
    about="9,758 sentences, most of them written by a language model, about tracked cars and people in 21 videos of "
    "KITTI. The seqmap names 862 sentences of the four videos of test. Its label files are its own and must not be "
    "mixed with those of Refer-KITTI; sentences name some tracks in frames in which they have no box, which `data "
    "verify` counts.",
    source="github.com/zyn213/TempRMOT: labels, expressions and seqmap. The images are KITTI's left color images of "
    "the tracking benchmark (cvlibs.net, with a login).",
    counts={"train": {"videos": 17}, "test": {"videos": 4, "expressions": 862}},
)

_ONLY_IN_V2 = ("0000", "0017", "0019")
"""Videos of V2 that the first version does not have."""


def _matches(v2: bool, root: Path | None, split: str) -> bool:
    if root is None or not (root / EXPRESSIONS).is_dir() or not (root / FRAMES).is_dir():
        return False
    return v2 == any((root / EXPRESSIONS / video_id).is_dir() for video_id in _ONLY_IN_V2)


def _open(info: DatasetInfo, root: Path | None, split: str) -> ReferKittiSplit:
    return ReferKittiSplit(info, find_root(root, split), split)


def _validate(info: DatasetInfo, root: Path | None, split: str, progress: Progress) -> ValidationReport:
    folder = find_root(root, split)
    report = validate_folders(info, folder, split, partial(ReferKittiSplit, info, folder, split), progress)
    if not report.errors:
        opened = ReferKittiSplit(info, folder, split)
        if opened.unscored_samples:
            report.notes.append(f"{len(opened.unscored_samples)} expressions are not in {SEQMAP} and not scored")
        absent = sum(opened.count_absent(video_id) for video_id in opened.video_ids)
        if absent:
            report.notes.append(f"sentences name a track {absent} times in a frame in which it has no box; left out")
    return report


def _make_fixture(v2: bool, root: Path) -> None:
    """Write two videos of test, whose seqmap leaves one sentence out, and one of train."""
    mark_as_fixture(root)
    sequences = []
    for seed, video_id in enumerate(("0005", "0019" if v2 else "0011", "0001")):
        scene = make_scene(seed + 20)
        length, height, width = scene.labels.shape
        names = write_numbered_frames(root / FRAMES / video_id, scene.frames, digits=6, suffix=".png")
        boxes = [boxes_of(MaskRows.from_dense(scene.labels == one)) for one in (1, 2)]
        for t, name in enumerate(names):
            lines = []
            for track, sides in enumerate(boxes, start=3):
                x0, y0, x1, y1 = (int(side) for side in sides[t])
                shares = (x0 + 0.3) / width, y0 / height, (x1 - x0 - 0.45) / width, (y1 - y0) / height
                lines.append(f"0 {track} " + " ".join(f"{share:.6f}" for share in shares) + "\n")
            (root / LABELS / video_id).mkdir(parents=True, exist_ok=True)
            (root / LABELS / video_id / f"{name}.txt").write_text("".join(lines))
        for sentence, label in _sentences(length, v2).items():
            name = sentence.replace(" ", "-")
            content = {"label": label, "ignore": [], "video_name": video_id, "sentence": sentence}
            write_json(root / EXPRESSIONS / video_id / f"{name}.json", content)
            if video_id != "0001" and sentence != "boxes":
                sequences.append(f"{video_id}+{name}\n")
    atomic_write(root / SEQMAP, "".join(sequences))


def _sentences(length: int, v2: bool) -> dict[str, dict[str, list[object]]]:
    """Return the labels of four sentences: one object always, one at times, both, none; V2 has ids as text."""
    tracks: dict[str, dict[int, list[int]]] = {
        "the red box": {t: [3] for t in range(length)},
        "on the left, a box that moves" if v2 else "a box that moves": {t: [4] for t in range(1, length - 1)},
        "boxes": {t: [3, 4] for t in range(length)},
        "people": {},
    }
    if v2:
        tracks["the red box"][1].append(77)  # a track without a box
    kind = str if v2 else int
    return {
        sentence: {str(t): [kind(track) for track in named] for t, named in label.items()}
        for sentence, label in tracks.items()
    }


DATASETS = tuple(
    DatasetEntry(
        info, partial(_matches, v2), partial(_open, info), partial(_validate, info), partial(_make_fixture, v2)
    )
    for info, v2 in ((INFO, False), (INFO_V2, True))
)
