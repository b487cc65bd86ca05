"""Training of URVOS (``mevis-bench train --method urvos --variant resnet50``): no weights were ever published.

Clips of a few frames, near or far apart; each frame is predicted with an empty memory half of the time, so that the
sentence must suffice, and else with the frames before it, under their true or their predicted masks. Two-class
cross-entropy per frame; batch norm stays frozen. The paper starts from still images; this recipe does not have them.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from baselines.layers.inputs.resize import resize
from baselines.layers.inputs.truth_masks import target_mask
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.urvos.checkpoint import start_from_imagenet
from baselines.urvos.inference import probability
from baselines.urvos.losses import UrvosTargets, compute_losses
from baselines.urvos.model import Memory, Urvos
from baselines.urvos.words import word_rows
from mevis_bench.records import TrainingArguments, TrainingData
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage

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
        clips: Clips per step, one after the other.
        frames: Frames of a clip.
        longest_skip: Upper bound of the distance between a clip's frames, in frames.
        side: Frames are squashed to this square, a multiple of 32.
        words: Words of a sentence.
        measured_clips: Clips of the validation split that are evaluated.
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


OPTIONS = {"resnet50": TrainOptions}


@dataclass(frozen=True, slots=True, eq=False)
class TrainingClip:
    """A clip with one sentence.

    Attributes:
        name: Video and expression.
        images: ``(t, 3, side, side)``, 0..1.
        masks: int64 ``(t, side, side)`` of 0 and 1.
        rows: Word rows, ``(1, l)``.
        seed: Of the random choices in the loss.
    """

    name: str
    images: Tensor
    masks: Tensor
    rows: Tensor
    seed: int


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        DataError: The ImageNet file is not ResNet-50's.
    """
    options: TrainOptions = arguments.options
    torch.manual_seed(arguments.seed)
    model = Urvos()
    if options.imagenet:
        start_from_imagenet(model, Path(options.imagenet))
    model.to(arguments.device)

    def sample(rng: np.random.Generator, position: SamplePosition) -> TrainingClip:
        skip = 1 + int(np.random.default_rng((arguments.seed, position.step)).integers(options.longest_skip))
        return draw_clip(arguments.data, options, skip, rng)

    def loss_fn(clips: list[TrainingClip]) -> dict[str, Tensor]:
        losses = [clip_loss(model, clip, arguments.device) for clip in clips]
        return {"loss": torch.stack(losses).mean()}

    stage = TrainingStage(
        name="urvos",
        module=model,
        groups=group_by_shape(model, options.learning_rate, 0.05),
        sample=sample,
        sample_name=lambda clip: clip.name,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.clips,
        schedule=WarmupCosineSchedule(100),
        betas=(0.9, 0.98),
        max_gradient_norm=1.0,
        evaluate=lambda: evaluate(model, arguments, options),
    )
    arguments.trainer.fit(stage)
    if arguments.trainer.is_main_process:
        weights = {key: value.contiguous() for key, value in model.state_dict().items()}
        save_file(weights, arguments.out / WEIGHTS_FILE)


def draw_clip(data: TrainingData, options: TrainOptions, skip: int, rng: np.random.Generator) -> TrainingClip:
    """Draw a sentence of a video and frames ``skip`` apart; of a short video the last frame repeats."""
    video_id = data.video_ids[int(rng.integers(len(data.video_ids)))]
    ground_truths = data.ground_truths(video_id)
    ground_truth, video = ground_truths[int(rng.integers(len(ground_truths)))], data.video(video_id)
    first = int(rng.integers(max(1, len(video) - skip * (options.frames - 1))))
    selected = [min(first + skip * step, len(video) - 1) for step in range(options.frames)]
    size = (options.side, options.side)
    images = np.stack([resize(video.frame(index), size) for index in selected])
    masks = torch.from_numpy(np.stack([target_mask(ground_truth, index) for index in selected]))
    masks = F.interpolate(masks[:, None].float(), size=size, mode="nearest")[:, 0].long()
    return TrainingClip(
        ground_truth.sample,
        torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255,
        masks,
        word_rows(ground_truth.expression.text, options.words),
        int(rng.integers(2**62)),
    )


def clip_loss(model: Urvos, clip: TrainingClip, device: str) -> Tensor:
    """Mean cross-entropy of a clip's frames."""
    rng = np.random.default_rng(clip.seed)
    images, masks = clip.images.to(device), clip.masks.to(device)
    frames, sentence = model.encode_frames(images), model.encode_text(clip.rows.to(device))
    memory: list[Memory] = []
    losses = []
    for index in range(len(images)):
        empty = rng.random() < EMPTY_MEMORY or not memory
        recalled = None if empty else Memory.concatenate(memory)
        logits = model(frames.at(slice(index, index + 1)), sentence, recalled)
        targets = UrvosTargets(masks[index : index + 1])
        losses.append(compute_losses(logits, targets)["loss_ce"])
        true = rng.random() < TRUE_MASK
        mask = masks[index : index + 1].float() if true else probability(logits).detach()
        memory.append(model.remember(images[index : index + 1], mask))
    return torch.stack(losses).mean()


@torch.inference_mode()
def evaluate(model: Urvos, arguments: TrainingArguments, options: TrainOptions) -> dict[str, float]:
    """Mean IoU of the first pass on frames of validation clips; 1 where target and prediction are empty."""
    rng = np.random.default_rng(arguments.seed)
    scores: list[float] = []
    for _ in range(options.measured_clips):
        clip = draw_clip(arguments.val_data, options, 1, rng)
        images, rows = clip.images.to(arguments.device), clip.rows.to(arguments.device)
        logits = model(model.encode_frames(images), model.encode_text(rows), None)
        predicted, target = logits.argmax(1).bool().cpu(), clip.masks.bool()
        union = (predicted | target).sum((1, 2))
        scores += torch.where(union == 0, 1.0, (predicted & target).sum((1, 2)) / union.clamp(min=1)).tolist()
    return {"IoU": float(np.mean(scores))} if scores else {}
