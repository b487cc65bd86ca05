"""Preprocessed training data of the mini variant, stored in a folder and memory-mapped."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.layers.inference.caption_view import CaptionView, Highlight, sample_frames
from baselines.layers.inputs.target_sets import target_sets
from baselines.videollama2.grounding_pretraining import CELL
from mevis_bench.records import HighlightedVideo, TrainingData


@dataclass(frozen=True, slots=True, eq=False)
class TargetCache:
    """The n target sets of a split. Axes: t frames, s rows and columns of the network's input.

    Attributes:
        frames: Highlighted frames, uint8 ``(n, t, s, s, 3)``, resized, not normalized.
        coverage: Highlighted area of each cell, uint8 ``(n, t, s / CELL, s / CELL)``, 255: all of it.
        sentences: Sentences that refer to each target set.
    """

    frames: NDArray[np.uint8]
    coverage: NDArray[np.uint8]
    sentences: tuple[tuple[str, ...], ...]


def open_cache(data: TrainingData, folder: Path, view: CaptionView, highlight: Highlight) -> TargetCache:
    """Open the cache of a split; it is built first if missing or built from different data."""
    sentences_file, frames_file, coverage_file = (folder / n for n in ("sentences.json", "frames.npy", "coverage.npy"))
    metadata = {
        "fingerprint": data.fingerprint,
        "view": [view.frames, asdict(view.square)],
        "highlight": asdict(highlight),
    }
    if sentences_file.is_file():
        stored = json.loads(sentences_file.read_text())
        if stored.get("metadata") == json.loads(json.dumps(metadata)):
            frames, coverage = (np.load(file, mmap_mode="r") for file in (frames_file, coverage_file))
            return TargetCache(frames, coverage, tuple(tuple(sentences) for sentences in stored["sentences"]))
    folder.mkdir(parents=True, exist_ok=True)
    targets = [(video_id, *targets) for video_id in data.video_ids for targets in target_sets(data, video_id)]
    side = view.square.side
    shape = (len(targets), view.frames, side, side, 3)
    frames = np.lib.format.open_memmap(frames_file, mode="w+", dtype=np.uint8, shape=shape)
    cells = (len(targets), view.frames, side // CELL, side // CELL)
    coverage = np.lib.format.open_memmap(coverage_file, mode="w+", dtype=np.uint8, shape=cells)
    decoded: list[NDArray[np.uint8]] = []
    last = None
    for row, (video_id, target, _) in enumerate(targets):
        video = data.video(video_id)
        indices = sample_frames(len(video), view.frames)
        if video_id != last:
            decoded, last = [video.frame(index) for index in indices], video_id
        highlighted = HighlightedVideo.of(video, target, highlight.color, highlight.alpha)
        painted = (highlighted.paint(pixels, index) for pixels, index in zip(decoded, indices, strict=True))
        frames[row] = np.stack([view.square.resize(pixels) for pixels in painted])
        coverage[row] = np.stack([_cell_coverage(highlighted.target_mask(index), view) for index in indices])
    frames.flush()
    coverage.flush()
    sentences = [texts for _, _, texts in targets]
    sentences_file.write_text(json.dumps({"metadata": metadata, "sentences": sentences}))
    return TargetCache(frames, coverage, tuple(sentences))


def _cell_coverage(mask: NDArray[np.bool_], view: CaptionView) -> NDArray[np.uint8]:
    """Area of each cell of the square that a mask ``(h, w)`` covers, 255: all of it."""
    white = np.repeat(255 * mask.astype(np.uint8)[..., None], 3, axis=-1)
    square = view.square.resize(white)[..., 0]
    side = len(square) // CELL
    mean = square.reshape(side, CELL, side, CELL).mean((1, 3))
    coverage: NDArray[np.uint8] = mean.round().astype(np.uint8)
    return coverage
