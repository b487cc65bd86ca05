"""What the mini variant learns from, once prepared and then read from one file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.layers.inference.caption_view import CaptionView, Highlight, chosen_frames
from baselines.videollama2.locating import CELL
from mevis_bench.records import HighlightedVideo, TargetMasks, TrainingData


@dataclass(frozen=True, slots=True, eq=False)
class TargetCache:
    """Every target set of a split: what it looks like and what is said about it.

    Attributes:
        frames: uint8 ``(n, t, s, s, 3)``: highlighted, fitted to the network's square, not normalized.
        shares: uint8 ``(n, t, s / CELL, s / CELL)``: how much of each cell is highlighted, 255: all of it.
        sentences: For every target set, all sentences that refer to it.
    """

    frames: NDArray[np.uint8]
    shares: NDArray[np.uint8]
    sentences: tuple[tuple[str, ...], ...]


def open_cache(data: TrainingData, folder: Path, view: CaptionView, highlight: Highlight) -> TargetCache:
    """Read the cache of a split, or make it first; a folder made from other data is made again."""
    sentences_file, frames_file, shares_file = (folder / n for n in ("sentences.json", "frames.npy", "shares.npy"))
    made_from = {"fingerprint": data.fingerprint, "view": asdict(view), "highlight": asdict(highlight)}
    if sentences_file.is_file():
        known = json.loads(sentences_file.read_text())
        if known["made_from"] == json.loads(json.dumps(made_from)):
            frames, shares = (np.load(file, mmap_mode="r") for file in (frames_file, shares_file))
            return TargetCache(frames, shares, tuple(tuple(said) for said in known["sentences"]))
    folder.mkdir(parents=True, exist_ok=True)
    targets = [(video_id, *each) for video_id in data.video_ids for each in target_sets(data, video_id)]
    side = view.square.side
    shape = (len(targets), view.frames, side, side, 3)
    frames = np.lib.format.open_memmap(frames_file, mode="w+", dtype=np.uint8, shape=shape)
    cells = (len(targets), view.frames, side // CELL, side // CELL)
    shares = np.lib.format.open_memmap(shares_file, mode="w+", dtype=np.uint8, shape=cells)
    decoded: list[NDArray[np.uint8]] = []
    last = None
    for row, (video_id, target, _) in enumerate(targets):
        video = data.video(video_id)
        chosen = chosen_frames(len(video), view.frames)
        if video_id != last:
            decoded, last = [video.frame(index) for index in chosen], video_id
        shown = HighlightedVideo.of(video, target, highlight.color, highlight.alpha)
        painted = (shown.paint(pixels, index) for pixels, index in zip(decoded, chosen, strict=True))
        frames[row] = np.stack([view.square.cut(pixels) for pixels in painted])
        shares[row] = np.stack([_shares(shown.target_mask(index), view) for index in chosen])
    frames.flush()
    shares.flush()
    sentences = [said for _, _, said in targets]
    sentences_file.write_text(json.dumps({"made_from": made_from, "sentences": sentences}))
    return TargetCache(frames, shares, tuple(sentences))


def _shares(mask: NDArray[np.bool_], view: CaptionView) -> NDArray[np.uint8]:
    """How much of each cell of the square a mask ``(h, w)`` covers, 255: all of it."""
    white = np.repeat(255 * mask.astype(np.uint8)[..., None], 3, axis=-1)
    cut = view.square.cut(white)[..., 0]
    side = len(cut) // CELL
    mean = cut.reshape(side, CELL, side, CELL).mean((1, 3))
    return mean.round().astype(np.uint8)


def target_sets(data: TrainingData, video_id: str) -> list[tuple[TargetMasks, tuple[str, ...]]]:
    """Return every set of targets that some sentence of a video refers to, with all such sentences, in file order."""
    found: dict[tuple[str, ...], tuple[TargetMasks, tuple[str, ...]]] = {}
    for ground_truth in data.ground_truths(video_id):
        ids = ground_truth.expression.annotation_ids
        if ground_truth.objects and ids is not None and ids not in found:
            found[ids] = TargetMasks(ground_truth.expression.id, ground_truth.objects), ground_truth.references
    return list(found.values())
