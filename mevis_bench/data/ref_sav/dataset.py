"""The data set Ref-SAV, read as Sa2VA's and UniPixel's evaluations read it."""

from pathlib import Path

from mevis_bench.data.fixtures import SENTENCES, make_scene, mark_as_fixture, write_json, write_numbered_frames
from mevis_bench.data.folder_entry import folder_entry
from mevis_bench.data.mask_dictionaries import MaskDictionary
from mevis_bench.data.split_file import SplitFile
from mevis_bench.masks.rle_json import to_json
from mevis_bench.records.dataset import DatasetInfo

INFO = DatasetInfo(
    name="ref_sav",
    version="2025",
    title="Ref-SAV",
    tasks=("rvos",),
    splits=("valid",),
    license="not checked; videos are those of SA-V (CC BY 4.0)",
    protocol="mevis_v1",
    default_split="valid",
    about="Long sentences, made by models and checked by people, about objects in videos of SA-V; from the authors of "
    "Sa2VA. Facts are read from the code of Sa2VA (9832e1a) and UniPixel (5c8e941), not from the data."
    " Counts are not known.",
    source="github.com/bytedance/Sa2VA names the download (Ref-SAV evaluation set). No server.",
    layout="""\
DIR/                                        UniPixel: DIR = ref_sav/valid; Sa2VA: ref_sav_eval
  meta_expressions_valid.json               expressions with "exp" and "anno_id", as MeViS's
  mask_dict.json
  videos/<video>/<frame>.jpg
""",
)


_META = SplitFile(INFO, "meta_expressions_valid.json")


def _open(root: Path, split: str) -> MaskDictionary:
    return MaskDictionary(
        INFO, root, split, meta=_META.path(root, split), masks=root / "mask_dict.json", frames="videos"
    )


def _make_fixture(root: Path) -> None:
    """Write two videos, with an expression about both objects of each."""
    mark_as_fixture(root)
    videos: dict[str, object] = {}
    masks: dict[str, object] = {}
    for seed, video_id in enumerate(("sav_000001", "sav_000002")):
        scene = make_scene(seed)
        names = write_numbered_frames(root / "videos" / video_id, scene.frames)
        ids = [2 * seed, 2 * seed + 1]
        masks |= {str(key): to_json(scene.labels == label) for label, key in enumerate(ids, 1)}
        videos[video_id] = {
            "frames": names,
            "expressions": {
                "0": {"exp": SENTENCES[0], "obj_id": [1], "anno_id": ids[:1]},
                "1": {"exp": "both boxes", "obj_id": [1, 2], "anno_id": ids},
            },
        }
    write_json(_META.path(root, "valid"), {"videos": videos})
    write_json(root / "mask_dict.json", masks)


DATASETS = (folder_entry(_META, _open, _make_fixture),)
