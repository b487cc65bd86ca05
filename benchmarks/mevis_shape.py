"""A split of MeViS's shape made on the spot, and predictions of it in every format, to time scoring on.

Videos alternate between 1280x720 and 1920x1080. Objects are drifting, wobbling blobs; an expression means one of them,
several or none. Predictions are the truth shifted and ragged, sometimes another object, sometimes nothing.
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
"""Objects that the expressions of a video mean, in turn: several sentences mean the same."""


@dataclass(frozen=True)
class Shape:
    """How much of everything: videos, frames a video, expressions a video, objects a video."""

    videos: int
    frames: int
    expressions: int
    objects: int = 5


@dataclass(frozen=True)
class Made:
    """Where everything was written."""

    split: Path
    run: Path
    png: Path
    zip: Path
    json: Path


def blob(rng: np.random.Generator, frames: int, height: int, width: int, shift: int = 0) -> NDArray[np.bool_]:
    """Draw one object, bool (t, h, w): a wobbling ellipse that drifts and may leave."""
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
    """Shift bands of four rows left or right by up to three pixels, another way in every frame."""
    _, height, width = masks.shape
    columns = np.arange(width)
    return np.stack(
        [
            np.take_along_axis(mask, (columns + np.repeat(rng.integers(-3, 4, height), 4)[:height, None]) % width, 1)
            for mask in masks
        ]
    )


def to_rle(masks: NDArray[np.bool_]) -> list[str | None]:
    """Encode (t, h, w); None where a frame is empty."""
    encoded = coco.encode(np.asfortranarray(masks.transpose(1, 2, 0), dtype=np.uint8))
    return [each["counts"].decode() if frame.any() else None for each, frame in zip(encoded, masks, strict=True)]


def to_png(mask: NDArray[np.bool_]) -> bytes:
    """Write one 8-bit gray PNG with SUB rows, as OpenCV does."""
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


def make(root: Path, shape: Shape, seed: int = 0, *, with_png: bool = True) -> Made:
    """Write split and predictions. Two videos are drawn; further ones are copies of them with ids of their own."""
    made = Made(root / "split", root / "run", root / "png", root / "p.zip", root / "p.json")
    for folder in (made.split, made.run / "predictions"):
        folder.mkdir(parents=True)
    drawn = [_draw(np.random.default_rng(seed + kind), shape, *SIZES[kind]) for kind in range(min(2, shape.videos))]
    meta, masks, layout = {}, {}, {}
    names = [f"{5 * t:05d}" for t in range(shape.frames)]
    for number in range(shape.videos):
        (height, width), (objects, answers, dense) = SIZES[number % 2], drawn[number % 2]
        video = f"v{number:04d}"
        meta[video] = {"frames": names, "expressions": _expressions(number, shape.expressions)}
        masks |= {
            f"{number}-{name}": [_entry(text, height, width) for text in texts] for name, texts in objects.items()
        }
        layout[video] = {name: [_entry(text, height, width) for text in texts] for name, texts in answers.items()}
        _write_run(made.run / "predictions" / f"{video}.jsonl", answers, height, width)
        if with_png:
            _write_pngs(made.png / video, dense, names)
    (made.split / "meta_expressions.json").write_text(json.dumps({"videos": meta}))
    (made.split / "mask_dict.json").write_text(json.dumps(masks))
    made.json.write_text(json.dumps(layout))
    if with_png:
        with zipfile.ZipFile(made.zip, "w") as file:
            for path in sorted(made.png.rglob("*.png")):
                file.write(path, path.relative_to(made.png))
    return made


Drawn = tuple[dict[str, list[str | None]], dict[str, list[str | None]], dict[str, list[bytes]]]


def _draw(rng: np.random.Generator, shape: Shape, height: int, width: int) -> Drawn:
    """Return objects and answers as run lengths, and the answers as PNG files."""
    objects, ragged = {}, {}
    for index in range(shape.objects):
        seed = int(rng.integers(2**32))
        objects[str(index)] = blob(np.random.default_rng(seed), shape.frames, height, width)
        ragged[str(index)] = ragged_edges(rng, blob(np.random.default_rng(seed), shape.frames, height, width, shift=3))
    answers, pngs = {}, {}
    for number in range(shape.expressions):
        said = SETS[number % len(SETS)] if number % 5 else SETS[(number + 1) % len(SETS)]
        union = np.zeros((shape.frames, height, width), bool)
        for name in said:
            union |= ragged[name]
        answers[str(number)] = to_rle(union)
        pngs[str(number)] = [to_png(mask) for mask in union]
    return {name: to_rle(clip) for name, clip in objects.items()}, answers, pngs


def _expressions(video: int, count: int) -> dict[str, object]:
    return {
        str(number): {"exp": f"sentence {number}", "anno_id": [f"{video}-{name}" for name in SETS[number % len(SETS)]]}
        for number in range(count)
    }


def _entry(counts: str | None, height: int, width: int) -> dict[str, object] | None:
    return None if counts is None else {"size": [height, width], "counts": counts}


def _write_run(path: Path, answers: dict[str, list[str | None]], height: int, width: int) -> None:
    with path.open("w") as file:
        for name, masks in answers.items():
            answer = {"expression": name, "kind": "masks", "height": height, "width": width, "masks": masks}
            file.write(json.dumps({**answer, "objects": None, "target_score": None}) + "\n")


def _write_pngs(folder: Path, pngs: dict[str, list[bytes]], names: list[str]) -> None:
    for name, files in pngs.items():
        (folder / name).mkdir(parents=True)
        for frame, data in zip(names, files, strict=True):
            (folder / name / f"{frame}.png").write_bytes(data)
