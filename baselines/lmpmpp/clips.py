"""What the paper variant learns from: clips of a MeViS split, each with one question and the masks it means.

Text and speech are mixed; questions that mean nothing and questions that mean several objects are drawn like any other.
Axes: t frames, o objects, H and W of a resized frame.
"""

import dataclasses
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.mirror import mirror
from baselines.lmpmpp.config import ExtractorConfig
from baselines.lmpmpp.extractor import resize_frames
from mevis_bench.records import GroundTruth, TrainingData


@dataclass(frozen=True, slots=True, eq=False)
class TrainingClip:
    """One training sample.

    Attributes:
        frames: Resized RGB frames ``(t, 3, H, W)``, 0..255.
        asked: The sentence, or the sound file of it.
        masks: What it means, float 0..1, ``(o, t, H, W)``; no object: no target.
    """

    frames: Tensor
    asked: str | Path
    masks: Tensor


def draw_clip(
    data: TrainingData,
    video_id: str,
    rng: np.random.Generator,
    *,
    size: ExtractorConfig,
    frames: int,
    short_sides: list[int],
    speech: float,
    most_objects: int,
) -> TrainingClip:
    """Draw a question about a video, and the frames in which it is to be answered.

    One frame is drawn from each of ``frames`` equal parts of the video, so that a clip spans all of its motion. Half of
    the clips that are asked by text are mirrored, left and right exchanged in the sentence.

    Args:
        data: A split with truth.
        video_id: The video.
        rng: Makes every choice.
        size: Of the extractor; its short side gives way to one of ``short_sides``.
        frames: t; a video with fewer shows some twice.
        short_sides: Short sides to choose from, in pixels.
        speech: Share of the spoken sentences that are heard, not read.
        most_objects: Of a sentence that means more, the first ones are taken.
    """
    ground_truths = data.ground_truths(video_id)
    ground_truth = ground_truths[rng.integers(len(ground_truths))]
    sound = data.audio(video_id, ground_truth.expression.id)
    heard = rng.random() < speech and sound is not None
    mirrored = rng.random() < 0.5 and not heard
    video = data.video(video_id)
    edges = np.linspace(0, len(video), frames + 1)
    chosen = [min(len(video) - 1, int(rng.uniform(a, b))) for a, b in itertools.pairwise(edges)]
    side = short_sides[rng.integers(len(short_sides))]
    pixels = resize_frames(
        torch.from_numpy(np.stack([video.frame(index) for index in chosen])),
        dataclasses.replace(size, short_side=side),
    )
    masks = torch.from_numpy(object_masks(ground_truth, chosen, most_objects)).float()
    masks = F.adaptive_avg_pool2d(masks.flatten(0, 1), pixels.shape[-2:]).unflatten(0, masks.shape[:2])
    text = mirror(ground_truth.expression.text) if mirrored else ground_truth.expression.text
    return TrainingClip(
        pixels.flip(-1) if mirrored else pixels,
        sound if heard and sound is not None else text,
        masks.flip(-1) if mirrored else masks,
    )


def object_masks(ground_truth: GroundTruth, frames: list[int], most: int) -> NDArray[np.uint8]:
    """Decode the first ``most`` objects of a sentence in some frames: ``(o, t, h, w)``."""
    out = np.zeros(
        (min(most, len(ground_truth.objects)), len(frames), ground_truth.height, ground_truth.width), np.uint8
    )
    for row, masks in zip(out, ground_truth.objects, strict=False):
        for place, frame in enumerate(frames):
            rle = masks[frame]
            if rle is not None:
                row[place] = rle.decode(f"{ground_truth.sample}, frame {frame}")
    return out
