"""Frames, label maps and sentences of a split at the model's resolution, cached in memory-mapped files.

Axes: t frames of all videos one after another, h and w rows and columns of a resized frame.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.lmpmpp.config import ExtractorConfig
from baselines.lmpmpp.extractor import resize_frames, resized_shape
from mevis_bench.records import DataError, GroundTruth, TrainingData


@dataclass(frozen=True, slots=True)
class Sentence:
    """One expression of a video.

    Attributes:
        id: Of the expression.
        text: The sentence.
        objects: Indices of its target objects among the video's annotated objects.
    """

    id: str
    text: str
    objects: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CachedVideo:
    """One video of the cache.

    Attributes:
        id: Of the video.
        start: Index of its first frame in the cache's arrays.
        length: Number of frames.
        objects: Number of annotated objects; labels 1..objects.
        sentences: In file order.
    """

    id: str
    start: int
    length: int
    objects: int
    sentences: tuple[Sentence, ...]

    @property
    def frames(self) -> slice:
        """Its frames in the cache's arrays."""
        return slice(self.start, self.start + self.length)


@dataclass(frozen=True, slots=True)
class TrainingCache:
    """A split.

    Attributes:
        videos: All videos, sorted by id.
        frames: uint8 ``(t, h, w, 3)``.
        labels: uint8 ``(t, h, w)``: 0 background, i + 1 the video's i-th object.
    """

    videos: tuple[CachedVideo, ...]
    frames: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def open_cache(data: TrainingData, config: ExtractorConfig, folder: Path) -> TrainingCache:
    """Open the cache of a split in ``folder``; create it first if it is missing or belongs to different data.

    Raises:
        DataError: The videos of the split differ in size.
    """
    index = folder / "index.json"
    if not index.is_file() or json.loads(index.read_text())["fingerprint"] != data.fingerprint:
        _create(data, config, folder)
    stored = json.loads(index.read_text())
    videos = tuple(
        CachedVideo(
            v["id"],
            v["start"],
            v["length"],
            v["objects"],
            tuple(Sentence(s["id"], s["text"], tuple(s["objects"])) for s in v["sentences"]),
        )
        for v in stored["videos"]
    )
    return TrainingCache(
        videos, np.load(folder / "frames.npy", mmap_mode="r"), np.load(folder / "labels.npy", mmap_mode="r")
    )


def _create(data: TrainingData, config: ExtractorConfig, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    total = sum(len(data.video(video_id)) for video_id in data.video_ids)
    first = data.video(data.video_ids[0])
    height, width = resized_shape(first.height, first.width, config)
    open_memmap = np.lib.format.open_memmap
    frames = open_memmap(folder / "frames.npy", mode="w+", dtype=np.uint8, shape=(total, height, width, 3))
    labels = open_memmap(folder / "labels.npy", mode="w+", dtype=np.uint8, shape=(total, height, width))
    start, videos = 0, []
    for video_id in data.video_ids:
        video, ground_truths = data.video(video_id), data.ground_truths(video_id)
        if resized_shape(video.height, video.width, config) != (height, width):
            raise DataError(
                f"video is {video.width}x{video.height}, the first of the split {first.width}x{first.height}",
                location=video_id,
                hint="The mini variant can only be trained on videos of one size.",
            )
        ids = sorted({i for ground_truth in ground_truths for i in ground_truth.expression.annotation_ids or ()})
        part = slice(start, start + len(video))
        pixels = torch.from_numpy(np.stack(list(video.frames())))
        frames[part] = resize_frames(pixels, config).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
        labels[part] = label_maps(ground_truths, ids, height, width)
        sentences = [
            {
                "id": ground_truth.expression.id,
                "text": ground_truth.expression.text,
                "objects": [ids.index(i) for i in ground_truth.expression.annotation_ids or ()],
            }
            for ground_truth in ground_truths
        ]
        videos.append(
            {"id": video_id, "start": start, "length": len(video), "objects": len(ids), "sentences": sentences}
        )
        start += len(video)
    frames.flush()
    labels.flush()
    (folder / "index.json").write_text(json.dumps({"fingerprint": data.fingerprint, "videos": videos}))


def label_maps(ground_truths: Sequence[GroundTruth], ids: list[str], height: int, width: int) -> NDArray[np.uint8]:
    """Label maps of all objects of a video at the model's resolution: uint8 ``(t, h, w)``, i + 1 for ``ids[i]``.

    A resized pixel belongs to an object that covers at least half of it.
    """
    length = ground_truths[0].length
    out = np.zeros((length, height, width), np.uint8)
    done: set[str] = set()
    for ground_truth in ground_truths:
        annotation_ids = ground_truth.expression.annotation_ids or ()
        for annotation_id, rles in zip(annotation_ids, ground_truth.objects, strict=True):
            if annotation_id in done:
                continue
            done.add(annotation_id)
            for frame, rle in enumerate(rles):
                if rle is None:
                    continue
                mask = torch.from_numpy(rle.decode(f"annotation {annotation_id}, frame {frame}")).float()[None, None]
                coverage = torch.nn.functional.interpolate(mask, size=(height, width), mode="area")[0, 0]
                out[frame][coverage.numpy() >= 0.5] = ids.index(annotation_id) + 1
    return out
