"""Training of URVOS (``mevis-bench train --method urvos --variant resnet50``): no weights were ever published.

Clips of a few frames, near or far apart; each frame is predicted with an empty memory half of the time, so that the
sentence must suffice, and else with the frames before it, under their true or their predicted masks. Two-class
cross-entropy per frame; batch norm stays frozen. The paper starts from still images; this recipe does not have them.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from baselines.layers.inputs.resize import resize
from baselines.layers.inputs.truth_masks import target_mask
from baselines.layers.training.train_options import read_train_options
from baselines.layers.training.trainer import TrainingStage, fit
from baselines.urvos.checkpoint import start_from_imagenet
from baselines.urvos.inference import probability
from baselines.urvos.losses import UrvosTargets, compute_losses
from baselines.urvos.model import Memory, Urvos
from baselines.urvos.words import word_rows
from mevis_bench.records import TrainingArguments, TrainingData

WEIGHTS_FILE = "urvos_resnet50.safetensors"
EMPTY_MEMORY = 0.5
"""Share of predictions that are made without memory."""
TRUE_MASK = 0.5
"""Share of remembered frames whose mask is the true one."""


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """A training (``configs/train/urvos-resnet50.yaml``).

    Attributes:
        steps: Optimizer steps.
        learning_rate: Peak of the schedule.
        clips: Clips a step, one after the other.
        frames: Frames of a clip.
        longest_skip: A clip's frames lie 1 to so many frames apart.
        side: Frames are squashed to this square, a multiple of 32.
        words: Words of a sentence.
        measured_clips: Clips of the held-out split that are measured at the end.
        imagenet: torchvision's ``resnet50-*.pth`` to start from; empty: seeded random encoders.
    """

    steps: int
    learning_rate: float
    clips: int
    frames: int
    longest_skip: int
    side: int
    words: int
    measured_clips: int
    imagenet: str


@dataclass(frozen=True, slots=True, eq=False)
class TrainingClip:
    """Images ``(t, 3, side, side)`` in 0..1, int64 masks ``(t, side, side)`` of 0 and 1, word rows ``(1, l)``."""

    images: Tensor
    masks: Tensor
    rows: Tensor


def train(setup: TrainingArguments) -> None:
    """Train, or go on with a training that was stopped, and write the weights and ``held_out.json``.

    Raises:
        UsageError: An option is missing, unknown or of the wrong kind.
        DataError: The ImageNet file is another one.
    """
    options = read_train_options(setup.options, TrainOptions)
    torch.manual_seed(setup.seed)
    model = Urvos()
    if options.imagenet:
        start_from_imagenet(model, Path(options.imagenet))
    model.to(setup.device)

    def loss_fn(rng: np.random.Generator) -> dict[str, Tensor]:
        skip = 1 + int(rng.integers(options.longest_skip))
        clips = [draw_clip(setup.data, options, skip, rng, setup.device) for _ in range(options.clips)]
        return {"loss": torch.stack([clip_loss(model, clip, rng) for clip in clips]).mean()}

    stage = TrainingStage("urvos", options.steps, options.learning_rate)
    fit(stage, model, loss_fn, setup.out, setup.seed, setup.progress)
    measured = {"clips": options.measured_clips, "IoU": measure(model, setup, options)}
    (setup.out / "held_out.json").write_text(json.dumps(measured, indent=1) + "\n")
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, setup.out / WEIGHTS_FILE)


def draw_clip(
    data: TrainingData, options: TrainOptions, skip: int, rng: np.random.Generator, device: str
) -> TrainingClip:
    """Draw a sentence of a video and frames ``skip`` apart; of a short video the last frame repeats."""
    video_id = data.video_ids[int(rng.integers(len(data.video_ids)))]
    ground_truths = data.ground_truths(video_id)
    ground_truth, video = ground_truths[int(rng.integers(len(ground_truths)))], data.video(video_id)
    first = int(rng.integers(max(1, len(video) - skip * (options.frames - 1))))
    chosen = [min(first + skip * step, len(video) - 1) for step in range(options.frames)]
    size = (options.side, options.side)
    images = np.stack([resize(video.frame(index), size) for index in chosen])
    masks = torch.from_numpy(np.stack([target_mask(ground_truth, index) for index in chosen]))
    masks = F.interpolate(masks[:, None].float(), size=size, mode="nearest")[:, 0].long()
    return TrainingClip(
        torch.from_numpy(images).permute(0, 3, 1, 2).to(device).float() / 255,
        masks.to(device),
        word_rows(ground_truth.expression.text, options.words).to(device),
    )


def clip_loss(model: Urvos, clip: TrainingClip, rng: np.random.Generator) -> Tensor:
    """Mean cross-entropy of a clip's frames."""
    frames, sentence = model.encode_frames(clip.images), model.encode_text(clip.rows)
    memory: list[Memory] = []
    losses = []
    for index in range(len(clip.images)):
        empty = rng.random() < EMPTY_MEMORY or not memory
        recalled = None if empty else Memory.concatenate(memory)
        logits = model(frames.at(slice(index, index + 1)), sentence, recalled)
        targets = UrvosTargets(clip.masks[index : index + 1])
        losses.append(compute_losses(logits, targets)["loss_ce"])
        true = rng.random() < TRUE_MASK
        mask = clip.masks[index : index + 1].float() if true else probability(logits).detach()
        memory.append(model.remember(clip.images[index : index + 1], mask))
    return torch.stack(losses).mean()


@torch.inference_mode()
def measure(model: Urvos, setup: TrainingArguments, options: TrainOptions) -> float | None:
    """Mean IoU of the first pass on frames of held-out clips, 1 where nothing is and nothing is said; without, None."""
    rng = np.random.default_rng(setup.seed)
    scores = []
    for _ in range(options.measured_clips):
        clip = draw_clip(setup.held_out, options, 1, rng, setup.device)
        logits = model(model.encode_frames(clip.images), model.encode_text(clip.rows), None)
        said, true = logits.argmax(1).bool(), clip.masks.bool()
        union = (said | true).sum((1, 2))
        scores += torch.where(union == 0, 1.0, (said & true).sum((1, 2)) / union.clamp(min=1)).tolist()
    return float(np.mean(scores)) if scores else None
