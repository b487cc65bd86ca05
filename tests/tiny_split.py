"""A MeViS split of a few pixels, written by hand, and methods to run on it that do what a test asks."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as coco

HEIGHT, WIDTH, FRAMES = 6, 8, 4
VIDEOS = {
    "va": {"0": ("left one", [0]), "1": ("both", [0, 1]), "2": ("none", [])},
    "vb": {"0": ("right one", [3]), "1": ("none here", [])},
    "vc": {"0": ("all of it", [4]), "1": ("again", [4]), "10": ("and again", [4])},
}


def write_tiny_split(root: Path, videos: dict[str, dict[str, tuple[str, list[int]]]] = VIDEOS) -> Path:
    """Write the split; frame ``t`` of a video has the value ``10 * t`` everywhere. Object ``k`` is column ``k``."""
    meta = {}
    masks = {}
    for video, expressions in videos.items():
        folder = root / "JPEGImages" / video
        folder.mkdir(parents=True)
        for t in range(FRAMES):
            Image.fromarray(np.full((HEIGHT, WIDTH, 3), 10 * t, np.uint8)).save(folder / f"{t:05}.jpg")
        meta[video] = {
            "expressions": {
                key: {"exp": text, "obj_id": ids, "anno_id": ids} for key, (text, ids) in expressions.items()
            },
            "frames": [f"{t:05}" for t in range(FRAMES)],
            "vid_id": len(meta),
            "height": HEIGHT,
            "width": WIDTH,
        }
        for _, ids in expressions.values():
            for each in ids:
                masks[str(each)] = [_column(each) for _ in range(FRAMES)]
    (root / "meta_expressions.json").write_text(json.dumps({"videos": meta}))
    (root / "mask_dict.json").write_text(json.dumps(masks))
    return root


def _column(k: int) -> dict[str, object]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[:, k] = 1
    rle = coco.encode(mask)
    return {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}


FAKE_SPEC = """\
name: fake
title: Fake
paper: null
code: null
license: none
tasks: [rvos, rmot, rmeg]
variants:
  default:
    title: Fake
    tasks: [rvos, rmot, rmeg]
    outputs: [masks]
    options: {column: 0, speed: 0.5}
    notes: for tests only
"""

FAKE_CODE = '''\
"""Fake: answers with one column; what a test puts into ACT may act before every answer."""

import numpy as np

from mevis_bench.records import CaptionPrediction, MaskPrediction, TrackPrediction

ACT = None


class Fake:
    def __init__(self, setup):
        self.setup = setup
        self.closed = False

    def predict(self, video, prompts):
        for prompt in prompts:
            masks = np.zeros((len(video), video.height, video.width), bool)
            for t, frame in enumerate(video.frames()):
                masks[t, frame[0, 0, 0] // 10, self.setup.options["column"]] = True
            act(self.setup, video, prompt)
            yield answer(self.setup, masks)

    def close(self):
        self.closed = True


def answer(setup, masks):
    return MaskPrediction(masks)


def act(setup, video, prompt):
    """Does nothing."""


def load(setup):
    return Fake(setup)
'''


def write_fake_method(folder: Path, code: str = "", name: str = "fake") -> Path:
    """Write a fake method into ``folder/<name>``; ``code`` is appended and may redefine ``act`` and ``answer``.

    Returns:
        The folder for ``--method-dir``.
    """
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "method.yaml").write_text(FAKE_SPEC.replace("fake", name))
    (place / "method.py").write_text(FAKE_CODE + "\n\n" + code)
    return folder
