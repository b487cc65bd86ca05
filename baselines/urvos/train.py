"""Training of URVOS: no weights were ever published, and the recipe is ours (README, "Training").

Clips of a few frames, near or far apart; each frame is predicted with an empty memory half of the time, so that the
sentence must suffice, and else with the frames before it, under their true or their predicted masks. Two-class
cross-entropy per frame; batch norm stays frozen. The paper starts from still images; this recipe does not have them.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import ResizeBy
from baselines.layers.training.clip_sampling import (
    ClipIndex,
    ClipSampler,
    ClipSentence,
    ClipTrainOptions,
    FrameChoice,
    SampledClip,
)
from baselines.layers.training.clip_training import ClipStage, existing_file, fit
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.layers.training.prompted_clips import encode_clip
from baselines.lmpmpp.mini.clip_start import training_start
from baselines.urvos.checkpoint import load as load_checkpoint
from baselines.urvos.checkpoint import start_from_imagenet
from baselines.urvos.inference import probability
from baselines.urvos.losses import UrvosTargets, compute_losses
from baselines.urvos.method import UrvosMethod, build_network
from baselines.urvos.model import Frames, Memory, Urvos
from baselines.urvos.options import Options
from baselines.urvos.words import word_rows
from mevis_bench.records import TrainingArguments, UsageError
from mevis_bench.records.schedules import WarmupCosineSchedule

EMPTY_MEMORY = 0.5
"""Share of predictions that are made without memory."""
TRUE_MASK = 0.5
"""Share of remembered frames whose mask is the true one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ClipTrainOptions):
    """A training. Frames have the variant's size, and its ``words`` are read.

    Attributes:
        frame_stride: On the common start: a sentence is learned from every n-th frame of the clip.
        num_frames: Frames of a clip.
        longest_skip: Upper bound of the distance between a clip's frames, in frames.
        lr: Peak of the schedule: linear warm-up, then half a cosine.
        warm_up: Steps of the warm-up.
        weight_decay: Of matrices; vectors have none.
        clip_max_norm: Largest norm of the whole gradient.
        imagenet: torchvision's ``resnet50-*.pth`` for both encoders; ``None``: seeded random.
        checkpoint: Weights of the whole network to start from; ``None``: none.
    """

    frame_stride: Count
    num_frames: Count
    longest_skip: Count
    lr: Rate
    warm_up: Count
    weight_decay: Rate
    clip_max_norm: Rate
    imagenet: str | None
    checkpoint: str | None


OPTIONS = {"resnet50": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence, ``targets`` is ``per_object``, or ``imagenet`` is set on the
            common start.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    if options.targets == "per_object":
        raise UsageError("URVOS draws one mask and cannot keep objects apart", hint="Set targets=union.")
    device = arguments.device
    torch.manual_seed(arguments.seed)
    start = training_start(arguments)
    model = build_network(variant, start)
    if options.imagenet:
        start_from_imagenet(model, existing_file(options.imagenet, "imagenet"))
    if options.checkpoint:
        model.load_state_dict(load_checkpoint(existing_file(options.checkpoint, "checkpoint"), model))
    model.to(device)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        lambda length: range(0, length, options.num_frames),
        no_target=options.no_target,
    )

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        losses = [clip_loss(model, clip, start, options.frame_stride, variant.words, device) for clip in clips]
        return {"loss": torch.stack(losses).mean()}

    stage = ClipStage(
        name="urvos",
        network=model,
        groups=group_by_shape(model, options.lr, options.weight_decay),
        sampler=ClipSampler(index, options.batch_size, spread_frames(options), ResizeBy(variant.input_size)),
        loss_fn=loss_fn,
        method=UrvosMethod(model, variant, device, start),
        schedule=WarmupCosineSchedule(options.warm_up),
        max_gradient_norm=options.clip_max_norm,
    )
    fit(arguments, options, stage, f"urvos_{arguments.variant}.safetensors")


def spread_frames(options: TrainOptions) -> FrameChoice:
    """Return the choice of frames 1 to ``longest_skip`` apart, from the anchor on; a short video repeats its last."""

    def choose(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        skip = 1 + int(rng.integers(options.longest_skip))
        return [min(anchor + skip * step, length - 1) for step in range(options.num_frames)]

    return choose


def clip_loss(model: Urvos, clip: SampledClip, start: ClipStart | None, stride: int, words: int, device: str) -> Tensor:
    """Mean cross-entropy of a clip's frames over its sentences; for start and stride see `encode_clip`."""
    losses = [
        sentence_loss(model, frames, sentence, target_classes(seen, sentence).to(device), words)
        for frames, seen, sentences in encode_clip(model, clip, clip.size, device, start, stride=stride)
        for sentence in sentences
    ]
    return torch.stack(losses).mean()


def target_classes(clip: SampledClip, sentence: ClipSentence) -> Tensor:
    """Union of a sentence's objects, int64 ``(t, h, w)``: 1 inside, 0 outside."""
    return torch.from_numpy(clip.masks[list(sentence.objects)].any(0)).long()


def sentence_loss(model: Urvos, frames: Frames, sentence: ClipSentence, classes: Tensor, words: int) -> Tensor:
    """Mean cross-entropy of the frames of a clip, one after the other.

    Args:
        model: The network.
        frames: Of the clip.
        sentence: The sentence.
        classes: int64 ``(t, h, w)``.
        words: Words that are read.
    """
    encoded = model.encode_text(word_rows(sentence.text, words).to(classes.device))
    memory: list[Memory] = []
    losses = []
    for index in range(len(frames)):
        this = slice(index, index + 1)
        frame = frames.at(this)
        empty, true = (torch.rand(2) < torch.tensor([EMPTY_MEMORY, TRUE_MASK])).tolist()
        logits = model(frame, encoded, None if empty or not memory else Memory.concatenate(memory))
        losses.append(compute_losses(logits, UrvosTargets(classes[this]))["loss_ce"])
        mask = classes[this].float() if true else probability(logits).detach()
        memory.append(model.remember(frame, mask))
    return torch.stack(losses).mean()
