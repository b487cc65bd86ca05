"""A split after the common start of the mini variants, cached in memory-mapped files.

Axes: v videos, t frames of all videos one after another, k tracks, c channels, a channels of the aligned space, h and
w rows and columns at stride 4.
"""

import json
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from baselines.lmpmpp.mini.common_start import STRIDE, CommonStart, TrackedVideo
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.training.track_cache import match_tracks
from baselines.lmpmpp.mini.training.training_cache import CachedVideo, Sentence, open_cache
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, eq=False)
class TrackedClip:
    """A video with its annotation.

    Attributes:
        id: Of the video.
        video: Its tracks.
        labels: uint8 ``(t, h, w)``: 0 background, i + 1 the i-th object.
        track_objects: uint8 ``(k,)``: number of the object that a track follows, from 1; 0: none.
        sentences: About it.
    """

    id: str
    video: TrackedVideo
    labels: torch.Tensor
    track_objects: torch.Tensor
    sentences: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class TrackedSplit:
    """All videos of a split that have sentences.

    Attributes:
        videos: Of the split.
        tokens: float16 ``(t, k, c)``.
        fine: float16 ``(t, c, h, w)``.
        labels: uint8 ``(t, h, w)``.
        aligned: float32 ``(v, k, a)``.
        track_objects: uint8 ``(v, k)``.
    """

    videos: tuple[CachedVideo, ...]
    tokens: NDArray[np.float16]
    fine: NDArray[np.float16]
    labels: NDArray[np.uint8]
    aligned: NDArray[np.float32]
    track_objects: NDArray[np.uint8]

    def clip(self, number: int) -> TrackedClip:
        """Read a video from the files."""
        video = self.videos[number]
        part = video.frames
        return TrackedClip(
            video.id,
            TrackedVideo(
                torch.from_numpy(self.tokens[part].astype(np.float32)),
                torch.from_numpy(self.fine[part].copy()),
                torch.from_numpy(self.aligned[number].copy()),
            ),
            torch.from_numpy(self.labels[part].copy()),
            torch.from_numpy(self.track_objects[number].copy()),
            video.sentences,
        )


_NAMES = ("tokens", "fine", "labels", "aligned", "track_objects")


def open_tracked_split(start: CommonStart, arguments: TrainingArguments) -> TrackedSplit:
    """Open the training split in ``arguments.out / "cache"``; it is computed first if it is missing or another one's.

    Args:
        start: The common start, on the device of the training.
        arguments: Of the training.

    Raises:
        DataError: The videos of the split differ in size.
    """
    folder = arguments.out / "cache"
    frames = open_cache(arguments.data, MINI.extractor, folder / "frames")
    identity = f"{arguments.data.fingerprint} {start.fingerprint()}"
    record = folder / "tracked.json"
    if not record.is_file() or json.loads(record.read_text()) != identity:
        record.unlink(missing_ok=True)
        files: list[NDArray[np.generic]] = []
        for number, video in enumerate(frames.videos):
            pixels = torch.from_numpy(frames.frames[video.frames].copy()).to(arguments.device)
            tracked, found = start.track([pixels.permute(0, 3, 1, 2).float()])
            half = STRIDE // 2
            full = torch.from_numpy(frames.labels[video.frames].copy())
            labels = full[:, half::STRIDE, half::STRIDE]
            step = full.shape[-1] // found.mask_logits.shape[-1]
            objects = torch.zeros(len(tracked.aligned), dtype=torch.uint8)
            if len(found.boxes):
                objects[: len(found.boxes)] = match_tracks(
                    found.mask_logits.cpu() > 0, full[:, step // 2 :: step, step // 2 :: step].long()
                )
            parts = (
                tracked.tokens.cpu().half().numpy(),
                tracked.fine.cpu().half().numpy(),
                labels.numpy(),
                tracked.aligned.cpu().numpy()[None],
                objects.numpy()[None],
            )
            lengths = (*[len(frames.labels)] * 3, *[len(frames.videos)] * 2)
            if not files:
                files = [
                    np.lib.format.open_memmap(
                        folder / f"{name}.npy", mode="w+", dtype=part.dtype, shape=(length, *part.shape[1:])
                    )
                    for name, part, length in zip(_NAMES, parts, lengths, strict=True)
                ]
            places = (*[video.frames] * 3, *[slice(number, number + 1)] * 2)
            for file, part, place in zip(files, parts, places, strict=True):
                file[place] = part
            if (number + 1) % 50 == 0 or number + 1 == len(frames.videos):
                arguments.progress("tracks", number + 1, len(frames.videos), {})
        record.write_text(json.dumps(identity))
    return TrackedSplit(frames.videos, *(np.load(folder / f"{name}.npy", mmap_mode="r") for name in _NAMES))
