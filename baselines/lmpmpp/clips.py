"""Training samples of LMPM++: clips of a MeViS split, each with one prompt and the masks of its target objects.

Text and speech are mixed; sentences without target and with several targets are drawn like any other. Axes: t frames,
o objects, H and W of a resized frame.
"""

import dataclasses
import itertools
from collections.abc import Sequence
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
        prompt: The sentence, or its sound file.
        masks: Ground truth of the target objects, float 0..1, ``(o, t, H, W)``; o = 0: no target.
    """

    frames: Tensor
    prompt: str | Path
    masks: Tensor


def draw_clip(
    data: TrainingData,
    video_id: str,
    rng: np.random.Generator,
    *,
    config: ExtractorConfig,
    frames: int,
    short_sides: Sequence[int],
    speech: float,
    max_objects: int,
) -> TrainingClip:
    """Draw an expression of a video and the frames of a clip.

    One frame is drawn from each of ``frames`` equal parts of the video, so that a clip spans all of its motion. Half of
    the clips with a text prompt are mirrored, left and right exchanged in the sentence.

    Args:
        data: A split with ground truth.
        video_id: The video.
        rng: Source of all random choices.
        config: Of the extractor; its short side is replaced by one of ``short_sides``.
        frames: t; frames of a shorter video are repeated.
        short_sides: Short sides to draw from, in pixels.
        speech: Probability that a sentence with a sound file is given as speech, 0..1.
        max_objects: Only the first ``max_objects`` target objects are kept.
    """
    ground_truths = data.ground_truths(video_id)
    ground_truth = ground_truths[int(rng.integers(len(ground_truths)))]
    sound = data.audio(video_id, ground_truth.expression.id)
    as_speech = rng.random() < speech and sound is not None
    mirrored = rng.random() < 0.5 and not as_speech
    video = data.video(video_id)
    edges = np.linspace(0, len(video), frames + 1)
    indices = [min(len(video) - 1, int(rng.uniform(a, b))) for a, b in itertools.pairwise(edges)]
    side = short_sides[int(rng.integers(len(short_sides)))]
    pixels = resize_frames(
        torch.from_numpy(np.stack([video.frame(index) for index in indices])),
        dataclasses.replace(config, short_side=side),
    )
    masks = torch.from_numpy(object_masks(ground_truth, indices, max_objects)).float()
    height, width = pixels.shape[-2:]
    masks = F.adaptive_avg_pool2d(masks.flatten(0, 1), (height, width)).unflatten(0, masks.shape[:2])
    text = mirror(ground_truth.expression.text) if mirrored else ground_truth.expression.text
    return TrainingClip(
        pixels.flip(-1) if mirrored else pixels,
        sound if as_speech and sound is not None else text,
        masks.flip(-1) if mirrored else masks,
    )


def object_masks(ground_truth: GroundTruth, frames: Sequence[int], max_objects: int) -> NDArray[np.uint8]:
    """Decode the first ``max_objects`` target objects in some frames: uint8 0 or 1, ``(o, t, h, w)``."""
    num_objects = min(max_objects, len(ground_truth.objects))
    out = np.zeros((num_objects, len(frames), ground_truth.height, ground_truth.width), np.uint8)
    for object_mask, rles in zip(out, ground_truth.objects, strict=False):
        for index, frame in enumerate(frames):
            rle = rles[frame]
            if rle is not None:
                object_mask[index] = rle.decode(f"{ground_truth.sample}, frame {frame}")
    return out
