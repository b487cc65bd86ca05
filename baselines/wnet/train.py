"""Training of WNet: the frames up to an anchor, and spoken sentences.

The authors' recipe for AVOS is ``configs/train/wnet-resnet50.yaml``. On the common start the sentences are read, not
heard: its encoders of text and speech share a space, and speech takes long to synthesize. Axes: t frames.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines.layers.checkpoints.imagenet import load_imagenet
from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.nn.resnet import ResNet
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import (
    Compose,
    PhotometricDistort,
    RandomHorizontalFlip,
    RandomResize,
    RandomSizeCrop,
)
from baselines.layers.training.clip_sampling import (
    Augmentation,
    ClipIndex,
    ClipSampler,
    ClipSentence,
    ClipTrainOptions,
    FrameChoice,
    SampledClip,
    sentence_prompt,
)
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.layers.training.prompted_clips import encode_clip
from baselines.lmpmpp.mini.clip_start import training_start
from baselines.wnet.checkpoint import read_checkpoint
from baselines.wnet.losses import WNetLossConfig, WNetTargets, build_targets, compute_losses, total_loss
from baselines.wnet.method import Reader, build_model, build_network, recording_reader, start_reader
from baselines.wnet.model import WNet
from baselines.wnet.options import Options
from mevis_bench.records import TrainingArguments, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ClipTrainOptions):
    """A training, by the names of the authors' options where they have one. Clips have the variant's ``clip_length``.

    Attributes:
        anchors: Frames up to which clips reach: ``every``, as the authors', or the ``last`` of a video.
        lr: Learning rate.
        lr_backbone: That of the backbone.
        weight_decay: Of all parameters.
        lr_drop: Epochs between two divisions of the rates by 10.
        clip_max_norm: Largest norm of the whole gradient.
        scales: Short sides of the first resize, one of which is drawn.
        scales_max_size: Upper bound of its long side.
        crop_resize: Short sides of the resize before the crop.
        crop_size: Least and largest side of the crop.
        size: Short side of the network's input.
        max_size: Upper bound of its long side.
        augment: Whether clips are mirrored, distorted and cropped; else only resized to ``size``.
        imagenet: torchvision's ``resnet50-*.pth`` for the backbone; ``None``: seeded random. The authors start from
            DETR's weights for COCO.
        checkpoint: Weights of the whole network to start from; ``None``: none.
    """

    anchors: Literal["every", "last"]
    lr: Rate
    lr_backbone: Rate
    weight_decay: Rate
    lr_drop: Count
    clip_max_norm: Rate
    scales: tuple[int, ...]
    scales_max_size: Count
    crop_resize: tuple[int, ...]
    crop_size: tuple[int, int]
    size: Count
    max_size: Count
    augment: bool
    imagenet: str | None
    checkpoint: str | None


OPTIONS = {"resnet50": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}
ANCHORS: dict[str, Callable[[int], Sequence[int]]] = {
    "every": range,
    "last": lambda length: (length - 1,),
}
LOSSES = WNetLossConfig()


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no speech, or ``targets`` is ``per_object``.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    if options.targets == "per_object":
        raise UsageError("WNet has one query per frame and cannot keep objects apart", hint="Set targets=union.")
    device = arguments.device
    start = training_start(arguments)
    torch.manual_seed(arguments.seed)
    network = build_network(variant, start)
    if options.imagenet:
        load_imagenet(trunk(network), existing_file(options.imagenet, "imagenet"))
    if options.checkpoint:
        network.load_state_dict(read_checkpoint(existing_file(options.checkpoint, "checkpoint"), network))
    if variant.size == "base":  # as DETR
        trunk(network).conv1.requires_grad_(False)
        trunk(network).layer1.requires_grad_(False)
    network.to(device)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        ANCHORS[options.anchors],
        no_target=options.no_target,
        spoken=start is None,
    )
    read = recording_reader(device) if start is None else start_reader(start)

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        losses = [clip_losses(network, clip, read, start, device) for clip in clips]
        means = {name: torch.stack([part[name] for part in losses]).mean() for name in losses[0]}
        return {"loss": total_loss(means, LOSSES), **means}

    decay = options.weight_decay
    rules = [
        GroupRule("backbone", lambda name: "backbone" in name, options.lr_backbone, decay),
        GroupRule("rest", every_parameter, options.lr, decay),
    ]
    drops = range(options.lr_drop, options.epochs, options.lr_drop)
    stage = ClipStage(
        name="wnet",
        network=network,
        groups=group_parameters(network, rules),
        sampler=ClipSampler(index, options.batch_size, frames_before(network.frames), augmentation(options)),
        loss_fn=loss_fn,
        method=ClipSegmenter(build_model(network, start, device), ClipSettings.from_options(variant), device),
        schedule=drop_schedule(drops, options.epochs),
        max_gradient_norm=options.clip_max_norm,
    )
    fit(arguments, options, stage, f"wnet_{arguments.variant}.safetensors")


def frames_before(count: int) -> FrameChoice:
    """Return the authors' rule: ``count`` frames up to the anchor; those before the first wrap to the video's end."""

    def choose(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        return [(anchor - offset) % length for offset in reversed(range(count))]

    return choose


def augmentation(options: TrainOptions) -> Augmentation:
    """Return the authors' transforms (VisTR's), or the last resize alone."""
    last = RandomResize((options.size,), options.max_size)
    if not options.augment:
        return last
    return Compose(
        (
            RandomHorizontalFlip(swap_words=False),
            RandomResize(options.scales, options.scales_max_size),
            PhotometricDistort(),
            RandomResize(options.crop_resize),
            RandomSizeCrop(*options.crop_size),
            last,
        )
    )


def trunk(network: WNet) -> ResNet:
    """Return the ResNet of a network on one."""
    resnet = network.get_submodule("wnet.backbone.0.body")
    assert isinstance(resnet, ResNet)
    return resnet


def clip_losses(
    network: WNet, clip: SampledClip, read: Reader, start: ClipStart | None, device: str
) -> dict[str, Tensor]:
    """Losses of a clip, means over its sentences; without a start the clip is encoded once for all of them.

    The network takes one recording at a time: its Fourier transform and its wavelet threshold would mix a batch.
    """
    losses = []
    for features, seen, sentences in encode_clip(network, clip, clip.size, device, start):
        for sentence in sentences:
            outputs = network(features, read(sentence_prompt(sentence, spoken=start is None)))
            losses.append(compute_losses(outputs, [sentence_targets(seen, sentence, device)]))
    return {name: torch.stack([part[name] for part in losses]).mean() for name in losses[0]}


def sentence_targets(clip: SampledClip, sentence: ClipSentence, device: str) -> WNetTargets:
    """Make the targets of a sentence of an augmented clip."""
    rows = list(sentence.objects)
    masks, extents = (torch.from_numpy(np.ascontiguousarray(array[rows])) for array in (clip.masks, clip.boxes))
    return build_targets(masks.to(device), extents.to(device))
