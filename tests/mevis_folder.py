"""Writes small splits in MeViS's layout, and predictions of them in every format, from dense masks."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pycocotools import mask as coco

if TYPE_CHECKING:
    from mevis_bench.records import Prediction

Clips = Mapping[str, Mapping[str, np.ndarray]]
"""Predicted masks, bool (t, h, w), by video and expression."""


@dataclass
class FolderVideo:
    """One video: objects are bool (t, h, w) by annotation id; expressions list the ids they mean."""

    objects: Mapping[str, np.ndarray]
    expressions: Mapping[str, Sequence[str]]
    sentences: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        if self.objects:
            self.shape = next(iter(self.objects.values())).shape

    def ground_truth(self, expression: str) -> np.ndarray:
        union = np.zeros(self.shape, bool)
        for name in self.expressions[expression]:
            union |= self.objects[name]
        return union


def to_rle(mask: np.ndarray) -> dict[str, object] | None:
    if not mask.any():
        return None
    counts = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": counts["counts"].decode()}


def frame_names(length: int) -> list[str]:
    return [f"{5 * k:05d}" for k in range(length)]


def write_split(root: Path, videos: Mapping[str, FolderVideo]) -> Path:
    """Write ``meta_expressions.json`` and ``mask_dict.json``; frames are not needed to score."""
    meta: dict[str, object] = {}
    masks: dict[str, object] = {}
    for number, (video_id, video) in enumerate(videos.items()):
        unique = {name: f"{number}{name}" for name in video.objects}  # ids are unique in the whole file
        expressions = {
            name: {"exp": video.sentences.get(name, f"sentence {name}"), "anno_id": [unique[one] for one in ids]}
            for name, ids in video.expressions.items()
        }
        length, height, width = video.shape
        meta[video_id] = {
            "expressions": expressions,
            "frames": frame_names(length),
            "height": height,
            "width": width,
        }
        masks |= {unique[name]: [to_rle(mask) for mask in clip] for name, clip in video.objects.items()}
    root.mkdir(parents=True, exist_ok=True)
    (root / "meta_expressions.json").write_text(json.dumps({"videos": meta}))
    (root / "mask_dict.json").write_text(json.dumps(masks))
    return root


def png_bytes(mask: np.ndarray, mode: str = "L") -> bytes:
    file = io.BytesIO()
    if mode == "P":
        image = Image.fromarray(mask.astype(np.uint8), mode="P")
        image.putpalette([0, 0, 0, 255, 255, 255])
    else:
        image = Image.fromarray(mask * np.uint8(255)).convert(mode)
    image.save(file, format="PNG")
    return file.getvalue()


def png_files(clips: Clips, mode: str = "L") -> dict[str, bytes]:
    return {
        f"{video_id}/{expression}/{name}.png": png_bytes(mask, mode)
        for video_id, expressions in clips.items()
        for expression, clip in expressions.items()
        for name, mask in zip(frame_names(len(clip)), clip, strict=True)
    }


def write_png_tree(root: Path, clips: Clips, mode: str = "L") -> Path:
    for name, data in png_files(clips, mode).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def write_zip(path: Path, clips: Clips) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in png_files(clips).items():
            file.writestr(name, data)
    return path


def write_json(path: Path, clips: Clips) -> Path:
    layout = {
        video: {name: [to_rle(mask) for mask in clip] for name, clip in expressions.items()}
        for video, expressions in clips.items()
    }
    path.write_text(json.dumps(layout))
    return path


def write_run(root: Path, clips: Clips) -> Path:
    from mevis_bench.records import MaskPrediction

    for video, expressions in clips.items():
        write_predictions(root, video, {name: MaskPrediction(clip) for name, clip in expressions.items()})
    return root


def write_predictions(root: Path, video: str, predictions: "Mapping[str, Prediction]") -> Path:
    """Write what a run predicted for one video."""
    from mevis_bench.store.prediction_lines import encode_line

    path = root / "predictions" / f"{video}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(encode_line(name, prediction) for name, prediction in predictions.items()))
    return path


def draw_video(rng: np.random.Generator, shape: tuple[int, int, int], expressions: int = 4) -> FolderVideo:
    """Two or three drifting rectangles (one leaves for a while), and expressions about any of them, or none."""
    length, height, width = shape
    objects = {}
    for name in ("10", "11", "12"):
        clip = np.zeros(shape, bool)
        y, x, dy, dx = *rng.integers(0, (height, width)), *rng.integers(-2, 3, 2)
        h, w = rng.integers(1, height + 1), rng.integers(1, width + 1)
        for t in range(length):
            top, left = max(0, y + t * dy), max(0, x + t * dx)
            clip[t, top : max(0, y + t * dy + h), left : max(0, x + t * dx + w)] = True
        if name == "11":
            clip[rng.integers(0, length)] = False
        objects[name] = clip
    sets = [[], ["10"], ["11", "12"], ["10", "11", "12"], ["12"]]
    return FolderVideo(objects, {str(k): sets[k % len(sets)] for k in range(expressions)})


def noisy(rng: np.random.Generator, ground_truth: np.ndarray) -> np.ndarray:
    """A prediction: the truth shifted, with holes; sometimes nothing, sometimes everything."""
    kind = rng.integers(0, 6)
    if kind < 2:
        return np.full(ground_truth.shape, kind == 1)
    return np.roll(ground_truth, tuple(rng.integers(-2, 3, 2)), axis=(1, 2)) ^ (rng.random(ground_truth.shape) < 0.02)
