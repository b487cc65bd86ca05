"""What the mini variant learns from, once prepared and then read from one file."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from baselines.layers.caption_view import CaptionView, Highlight, chosen_frames
from mevis_bench.records import HighlightedVideo, TargetMasks, TrainingData


@dataclass(frozen=True, slots=True, eq=False)
class TargetCache:
    """Every target set of a split: what it looks like and what is said about it.

    Attributes:
        frames: uint8 ``(n, t, s, s, 3)``: highlighted, fitted to the network's square, not normalised.
        sentences: For every target set, all sentences that refer to it.
    """

    frames: NDArray[np.uint8]
    sentences: tuple[tuple[str, ...], ...]


def open_cache(data: TrainingData, folder: Path, view: CaptionView, highlight: Highlight) -> TargetCache:
    """Read the cache of a split, or make it first; a folder made from other data is made again."""
    sentences_file, frames_file = folder / "sentences.json", folder / "frames.npy"
    made_from = {"fingerprint": data.fingerprint, "view": asdict(view), "highlight": asdict(highlight)}
    if sentences_file.is_file():
        known = json.loads(sentences_file.read_text())
        if known["made_from"] == json.loads(json.dumps(made_from)):
            frames = np.load(frames_file, mmap_mode="r")
            return TargetCache(frames, tuple(tuple(said) for said in known["sentences"]))
    folder.mkdir(parents=True, exist_ok=True)
    targets = [(video_id, *each) for video_id in data.video_ids for each in target_sets(data, video_id)]
    side = view.square.side
    shape = (len(targets), view.frames, side, side, 3)
    frames = np.lib.format.open_memmap(frames_file, mode="w+", dtype=np.uint8, shape=shape)
    decoded: list[NDArray[np.uint8]] = []
    last = None
    for row, (video_id, target, _) in enumerate(targets):
        video = data.video(video_id)
        chosen = chosen_frames(len(video), view.frames)
        if video_id != last:
            decoded, last = [video.frame(index) for index in chosen], video_id
        shown = HighlightedVideo.of(video, target, highlight.colour, highlight.alpha)
        painted = (shown.paint(pixels, index) for pixels, index in zip(decoded, chosen, strict=True))
        frames[row] = np.stack([view.square.cut(pixels) for pixels in painted])
    frames.flush()
    sentences = [said for _, _, said in targets]
    sentences_file.write_text(json.dumps({"made_from": made_from, "sentences": sentences}))
    return TargetCache(frames, tuple(sentences))


def target_sets(data: TrainingData, video_id: str) -> list[tuple[TargetMasks, tuple[str, ...]]]:
    """Return every set of targets that some sentence of a video refers to, with all such sentences, in file order."""
    found: dict[tuple[str, ...], tuple[TargetMasks, tuple[str, ...]]] = {}
    for truth in data.truths(video_id):
        ids = truth.expression.annotation_ids
        if truth.objects and ids is not None and ids not in found:
            found[ids] = TargetMasks(truth.expression.id, truth.objects), truth.references
    return list(found.values())
