"""The data set ReVOS."""

from pathlib import Path

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_json, write_numbered_frames
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.revos.split import RevosSplit
from mevis_bench.data.split_file import SplitFile
from mevis_bench.masks.rle_json import to_json
from mevis_bench.records.dataset import DatasetInfo

INFO = DatasetInfo(
    name="revos",
    version="2024",
    title="ReVOS",
    tasks=("rvos",),
    splits=("train", "valid"),
    license="CC BY-NC-SA 4.0; videos keep the licenses of MOSE, MeViS, LV-VIS, OVIS, TAO and UVO",
    protocol="revos",
    default_split="valid",
    about="Referring and reasoning expressions, and some without a target, in 1,042 videos of six other data sets: "
    "35,074 pairs of instruction and masks. A and R need answers of 0 and 1: VISA's own pipeline has 0 and 255, whose "
    "numbers are those of the protocol revos_answers_255. Overall is the mean of the two kinds, not over expressions.",
    source="github.com/cilinyan/ReVOS-api names the downloads and the SHA-256 of the files. No server.",
    layout="""\
DIR/
  JPEGImages/<video>/<frame>.jpg
  meta_expressions_train_.json, meta_expressions_valid_.json   with a trailing underscore
  mask_dict.json                                               masks of both splits
  mask_dict_foreground.json                                    masks of all objects that are referred to, by video
""",
)


_META = SplitFile(INFO, "meta_expressions_{split}_.json")


def _open(root: Path, split: str) -> RevosSplit:
    return RevosSplit(INFO, root, split, _META.path(root, split))


def _make_fixture(root: Path) -> None:
    """Write two videos with expressions of every kind, one of them about two objects."""
    mark_as_fixture(root)
    videos: dict[str, object] = {}
    masks: dict[str, object] = {}
    foreground: dict[str, object] = {}
    for seed, video_id in enumerate(("made_falling", "UVO_made")):
        scene = make_scene(seed)
        names = write_numbered_frames(root / "JPEGImages" / video_id, scene.frames)
        ids = [2 * seed, 2 * seed + 1]
        masks |= {str(key): to_json(scene.labels == label) for label, key in enumerate(ids, 1)}
        foreground[video_id] = {"masks_rle": to_json(scene.labels > 0)}
        videos[video_id] = {
            "expressions": {
                "0": {"exp": SENTENCES[0], "obj_id": [0], "anno_id": ids[:1], "type_id": 0},
                "1": {"exp": "which boxes move sideways?", "obj_id": [0, 1], "anno_id": ids, "type_id": 1},
                "2": {"exp": "the horse", "obj_id": [], "anno_id": [], "type_id": 2},
            },
            "vid_id": seed,
            "frames": names,
            "height": scene.labels.shape[1],
            "width": scene.labels.shape[2],
        }
    write_json(_META.path(root, "valid"), {"videos": videos})
    write_json(root / "mask_dict.json", masks)
    write_json(root / "mask_dict_foreground.json", foreground)


DATASETS = (folder_entry(_META, _open, _make_fixture),)
