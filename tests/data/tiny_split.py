"""A MeViS split small enough to read with the eye: two videos of three frames, written in any of the known layouts."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco

HEIGHT, WIDTH = 6, 8
FRAMES = ["00000", "00001", "00002"]


def square(left: int) -> dict[str, Any]:
    """COCO run lengths of a 2x2 square in row 1 and 2."""
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[1:3, left : left + 2] = 1
    rle = coco.encode(mask)
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def documents() -> tuple[dict[str, Any], dict[str, Any]]:
    """The expression file and the mask file, to be changed by a test before they are written."""
    meta = {
        "videos": {
            "b_dogs": {
                "expressions": {
                    "0": {"exp": "the dog walking left", "obj_id": [0], "anno_id": [7]},
                    "1": {"exp": "Two dogs", "obj_id": [0, 1], "anno_id": [7, 8]},
                    "10": {"exp": "dog that goes left", "obj_id": [0], "anno_id": [7]},
                    "2": {"exp": "the leftward dog", "obj_id": [0], "anno_id": [7]},
                    "3": {"exp": "the dog flying", "obj_id": [], "anno_id": []},
                },
                "vid_id": 0,
                "frames": list(FRAMES),
            },
            "a_cat": {
                "expressions": {"0": {"exp": "the cat that sits", "obj_id": [0], "anno_id": [9]}},
                "vid_id": 1,
                "frames": list(FRAMES),
            },
        }
    }
    masks = {"7": [square(4), square(2), None], "8": [square(0)] * 3, "9": [None, square(1), square(1)]}
    return meta, masks


def write_split(folder: Path, meta: object, masks: object | None, *, meta_name: str = "meta_expressions.json") -> Path:
    """Write the documents and the frames that they name; ``None``: no mask file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / meta_name).write_text(json.dumps(meta))
    if masks is not None:
        (folder / "mask_dict.json").write_text(json.dumps(masks))
    for index, video in enumerate(("b_dogs", "a_cat")):
        frames = folder / "JPEGImages" / video
        frames.mkdir(parents=True, exist_ok=True)
        for t, name in enumerate(FRAMES):
            Image.new("RGB", (WIDTH, HEIGHT), (80 * t, 100, 50 * index)).save(frames / f"{name}.jpg", quality=95)
    return folder
