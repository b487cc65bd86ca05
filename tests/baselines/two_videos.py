"""Two short videos to overfit: two colored rectangles that move, and a sentence about each."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco

HEIGHT, WIDTH = 64, 96
VIDEOS = {
    "va": {"red": ((200, 30, 30), (8, 10), (0, 8)), "blue": ((30, 30, 220), (38, 60), (0, -8))},
    "vb": {"green": ((30, 200, 30), (6, 64), (4, 0)), "white": ((240, 240, 240), (36, 12), (-4, 4))},
}
"""Per video: name, color, corner (row, column) in the first frame and steps (rows, columns) of each rectangle."""
SIZE = (20, 26)
"""Rows and columns of a rectangle."""


def write_two_videos(root: Path, frames: int = 2) -> Path:
    """Write the split ``root``; the sentences of a video are ``<color> block``, one per rectangle."""
    meta, masks = {}, {}
    for video, objects in VIDEOS.items():
        folder = root / "JPEGImages" / video
        folder.mkdir(parents=True)
        images = np.full((frames, HEIGHT, WIDTH, 3), 90, np.uint8)
        expressions = {}
        for number, (name, (color, corner, step)) in enumerate(objects.items()):
            annotation = len(masks)
            expressions[str(number)] = {"exp": f"{name} block", "obj_id": [annotation], "anno_id": [annotation]}
            masks[str(annotation)] = []
            for frame in range(frames):
                row, column = corner[0] + frame * step[0], corner[1] + frame * step[1]
                images[frame, row : row + SIZE[0], column : column + SIZE[1]] = color
                masks[str(annotation)].append(_encode(row, column))
        for frame, image in enumerate(images):
            Image.fromarray(image).save(folder / f"{frame:05}.jpg", quality=95)
        meta[video] = {
            "expressions": expressions,
            "frames": [f"{frame:05}" for frame in range(frames)],
            "vid_id": len(meta),
            "height": HEIGHT,
            "width": WIDTH,
        }
    (root / "meta_expressions.json").write_text(json.dumps({"videos": meta}))
    (root / "mask_dict.json").write_text(json.dumps(masks))
    return root


def _encode(row: int, column: int) -> dict[str, object]:
    mask: NDArray[np.uint8] = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[row : row + SIZE[0], column : column + SIZE[1]] = 1
    rle = coco.encode(mask)
    return {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}
