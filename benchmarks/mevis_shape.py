"""Generated split of MeViS's shape with predictions in every format, to benchmark scoring.

Videos alternate between 1280x720 and 1920x1080. Objects are drifting, wobbling blobs; an expression refers to one,
several or none of them. Predictions are the ground truth, shifted and with ragged edges, or another object, or empty.
"""

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

SIZES = ((720, 1280), (1080, 1920))
SETS = (["0"], ["1"], ["2"], ["0", "1"], ["3"], ["1", "2", "3"], ["4"], [])
"""Target objects of a video's expressions, in turn; several expressions have the same targets."""


@dataclass(frozen=True)
class Shape:
    """Size of the split: number of videos, and of frames, expressions and objects per video."""

    videos: int
    frames: int
    expressions: int
    objects: int = 5


@dataclass(frozen=True)
class SplitFiles:
    """Paths of the split and of the predictions in every format."""

    split: Path
    run: Path
    png: Path
    zip: Path
    json: Path


def blob(rng: np.random.Generator, frames: int, height: int, width: int, shift: int = 0) -> NDArray[np.bool_]:
    """Return one object, bool (t, h, w): a wobbling ellipse that drifts and may leave the frame."""
    y, x = np.ogrid[:height, :width]
    center = rng.uniform(0.2, 0.8, 2) * (height, width)
    speed = rng.uniform(-4, 4, 2)
    radii = rng.uniform(0.06, 0.2, 2) * height
    phase, lobes = rng.uniform(0, 6), rng.integers(5, 12)
    masks = np.zeros((frames, height, width), bool)
    for t in range(frames):
        dy, dx = (y - center[0] - t * speed[0] - shift) / radii[0], (x - center[1] - t * speed[1] - shift) / radii[1]
        masks[t] = dy * dy + dx * dx < 1 + 0.15 * np.sin(lobes * np.arctan2(dy, dx) + phase + 0.1 * t)
    return masks


def ragged_edges(rng: np.random.Generator, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return masks with bands of four rows shifted by up to three pixels, differently in every frame."""
    _, height, width = masks.shape
    columns = np.arange(width)
    return np.stack(
        [
            np.take_along_axis(mask, (columns + np.repeat(rng.integers(-3, 4, height), 4)[:height, None]) % width, 1)
            for mask in masks
        ]
    )


def to_rle(masks: NDArray[np.bool_]) -> list[str | None]:
    """Return COCO counts of masks (t, h, w); None where a frame is empty."""
    encoded = coco.encode(np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8))
    return [rle["counts"].decode() if frame.any() else None for rle, frame in zip(encoded, masks, strict=True)]


def to_png(mask: NDArray[np.bool_]) -> bytes:
    """Return an 8-bit gray PNG with SUB rows, as OpenCV writes it."""
    height, width = mask.shape
    rows = np.zeros((height, width + 1), np.uint8)
    rows[:, 0] = 1
    gray = mask.astype(np.uint8) * 255
    rows[:, 1] = gray[:, 0]
    rows[:, 2:] = np.diff(gray, axis=1)
    parts = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(rows, 1)))
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*parts, (b"IEND", b""))
    )
    return b"\x89PNG\r\n\x1a\n" + body


def make(root: Path, shape: Shape, seed: int = 0, *, with_png: bool = True) -> SplitFiles:
    """Write split and predictions. Two videos are generated; further ones are copies with other ids."""
    paths = SplitFiles(root / "split", root / "run", root / "png", root / "p.zip", root / "p.json")
    for folder in (paths.split, paths.run / "predictions"):
        folder.mkdir(parents=True)
    generated = [
        _generate(np.random.default_rng(seed + kind), shape, *SIZES[kind]) for kind in range(min(2, shape.videos))
    ]
    meta, masks, layout = {}, {}, {}
    names = [f"{5 * t:05d}" for t in range(shape.frames)]
    for number in range(shape.videos):
        (height, width), (objects, predictions, dense) = SIZES[number % 2], generated[number % 2]
        video = f"v{number:04d}"
        meta[video] = {"frames": names, "expressions": _expressions(number, shape.expressions)}
        masks |= {
            f"{number}-{name}": [_entry(text, height, width) for text in texts] for name, texts in objects.items()
        }
        layout[video] = {name: [_entry(text, height, width) for text in texts] for name, texts in predictions.items()}
        _write_run(paths.run / "predictions" / f"{video}.jsonl", predictions, height, width)
        if with_png:
            _write_pngs(paths.png / video, dense, names)
    (paths.split / "meta_expressions.json").write_text(json.dumps({"videos": meta}))
    (paths.split / "mask_dict.json").write_text(json.dumps(masks))
    paths.json.write_text(json.dumps(layout))
    if with_png:
        with zipfile.ZipFile(paths.zip, "w") as file:
            for path in sorted(paths.png.rglob("*.png")):
                file.write(path, path.relative_to(paths.png))
    return paths


Generated = tuple[dict[str, list[str | None]], dict[str, list[str | None]], dict[str, list[bytes]]]


def _generate(rng: np.random.Generator, shape: Shape, height: int, width: int) -> Generated:
    """Return objects and predictions as COCO counts, and the predictions as PNG files."""
    objects, ragged = {}, {}
    for index in range(shape.objects):
        seed = int(rng.integers(2**32))
        objects[str(index)] = blob(np.random.default_rng(seed), shape.frames, height, width)
        ragged[str(index)] = ragged_edges(rng, blob(np.random.default_rng(seed), shape.frames, height, width, shift=3))
    predictions, pngs = {}, {}
    for number in range(shape.expressions):
        predicted = SETS[number % len(SETS)] if number % 5 else SETS[(number + 1) % len(SETS)]
        union = np.zeros((shape.frames, height, width), bool)
        for name in predicted:
            union |= ragged[name]
        predictions[str(number)] = to_rle(union)
        pngs[str(number)] = [to_png(mask) for mask in union]
    return {name: to_rle(clip) for name, clip in objects.items()}, predictions, pngs


def _expressions(video: int, count: int) -> dict[str, object]:
    return {
        str(number): {"exp": f"sentence {number}", "anno_id": [f"{video}-{name}" for name in SETS[number % len(SETS)]]}
        for number in range(count)
    }


def _entry(counts: str | None, height: int, width: int) -> dict[str, object] | None:
    return None if counts is None else {"size": [height, width], "counts": counts}


def _write_run(path: Path, predictions: dict[str, list[str | None]], height: int, width: int) -> None:
    with path.open("w") as file:
        for name, masks in predictions.items():
            prediction = {"expression": name, "kind": "masks", "height": height, "width": width, "masks": masks}
            file.write(json.dumps({**prediction, "objects": None, "target_score": None}) + "\n")


def _write_pngs(folder: Path, pngs: dict[str, list[bytes]], names: list[str]) -> None:
    for name, files in pngs.items():
        (folder / name).mkdir(parents=True)
        for frame, data in zip(names, files, strict=True):
            (folder / name / f"{frame}.png").write_bytes(data)
