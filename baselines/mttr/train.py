"""Training of MTTR: windows of consecutive frames, every annotated object of a window and all of its sentences.

The authors' recipe is ``configs/train/mttr-video-swin-t.yaml``. Axes: s sentences, t frames, o objects, h and w rows
and columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import (
    Compose,
    LowerCase,
    RandomHorizontalFlip,
    RandomResize,
    padded_size,
)
from baselines.layers.training.clip_sampling import (
    Augmentation,
    ClipIndex,
    ClipSampler,
    ClipSentence,
    ClipTrainOptions,
    FrameChoice,
    SampledClip,
)
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit, token_batch
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.layers.training.prompted_clips import EncodedClip, encode_clip
from baselines.lmpmpp.mini.clip_start import training_encoders
from baselines.mttr.checkpoint import load as load_checkpoint
from baselines.mttr.config import SIZES, MttrConfig
from baselines.mttr.losses import (
    MttrLossConfig,
    MttrOutputs,
    MttrTargets,
    build_targets,
    compute_losses,
    total_loss,
)
from baselines.mttr.method import MttrModel, build_network
from baselines.mttr.model import ClipFeatures, Mttr
from baselines.mttr.options import Options
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ClipTrainOptions):
    """A training, by the names of the authors' configuration.

    Attributes:
        frame_stride: On the common start: a sentence is learned from every n-th frame of the window.
        window_size: Frames of a clip.
        lr: Learning rate.
        lr_backbone: That of the backbone.
        text_encoder_lr: That of the text encoder.
        weight_decay: Of all parameters.
        lr_drop: Epochs at whose start the rates are multiplied by ``lr_drop_gamma``.
        lr_drop_gamma: See ``lr_drop``.
        clip_max_norm: Largest norm of the whole gradient.
        freeze_text_encoder: Whether the text encoder is trained.
        train_short_size: Short side of the frames, in pixels.
        train_max_size: Upper bound of their long side.
        horizontal_flip: Whether half of the clips are mirrored, left and right exchanged in their sentences.
        enable_amp: Whether the network runs in bfloat16 (the authors' float16 needs loss scaling).
        checkpoint: Weights of the whole network to start from; ``None``: seeded random.
        tokenizer: ``tokenizer.json`` of roberta-base; ``None``: a hash of the words.
    """

    frame_stride: Count
    window_size: Count
    lr: Rate
    lr_backbone: Rate
    text_encoder_lr: Rate
    weight_decay: Rate
    lr_drop: tuple[int, ...]
    lr_drop_gamma: Rate
    clip_max_norm: Rate
    freeze_text_encoder: bool
    train_short_size: Count
    train_max_size: Count
    horizontal_flip: bool
    enable_amp: bool
    checkpoint: str | None
    tokenizer: str | None


OPTIONS = {"video-swin-t": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}
LOSSES = MttrLossConfig()


def train(arguments: TrainingArguments, config: MttrConfig | None = None) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Args:
        arguments: Of the trainer.
        config: Sizes; ``None``: those of the variant.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence.
    """
    train_as(arguments, config or SIZES[arguments.method_options.size], "mttr", MttrModel, clip_losses)


ClipLosses = Callable[[Mttr, list[SampledClip], Encoders, Any, str], dict[str, Tensor]]
"""Losses of some clips by name, ``loss`` among them, from network, clips, encoders, options and device."""


def train_as(
    arguments: TrainingArguments, config: MttrConfig, name: str, model: type[MttrModel], losses: ClipLosses
) -> None:
    """Train MTTR's network as a method that shares it; errors as of `train`.

    Args:
        arguments: Of the trainer.
        config: Sizes.
        name: Name of the method, of its stage and of its weights file.
        model: Model of the method, for evaluations.
        losses: Its objective.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    device = arguments.device
    encoders = training_encoders(arguments, config.text, pooler=False)
    network = build_network(config, encoders)
    if options.checkpoint:
        network.load_state_dict(load_checkpoint(existing_file(options.checkpoint, "checkpoint"), network))
    network.transformer.text_encoder.requires_grad_(not options.freeze_text_encoder)
    network.to(device)
    settings = ClipSettings.from_options(variant)
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        lambda length: range(0, length, options.window_size),
        no_target=options.no_target,
    )
    rules = [
        GroupRule("text_encoder", lambda name: "text_encoder" in name, options.text_encoder_lr, options.weight_decay),
        GroupRule("backbone", lambda name: "backbone" in name, options.lr_backbone, options.weight_decay),
        GroupRule("rest", every_parameter, options.lr, options.weight_decay),
    ]
    own = model(network, encoders.tokenizer, settings, variant.longest, device)
    stage = ClipStage(
        name=name,
        network=network,
        groups=group_parameters(network, rules),
        sampler=ClipSampler(index, options.batch_size, window_frames(options.window_size), augmentation(options)),
        loss_fn=lambda clips: losses(network, clips, encoders, options, device),
        method=ClipSegmenter(encoders.wrap(own), settings, device),
        schedule=drop_schedule(options.lr_drop, options.epochs, options.lr_drop_gamma),
        max_gradient_norm=options.clip_max_norm,
        precision="bfloat16" if options.enable_amp else "float32",
    )
    fit(arguments, options, stage, f"{name}_{arguments.variant.replace('-', '_')}.safetensors")


def clip_losses(
    network: Mttr, clips: list[SampledClip], encoders: Encoders, options: TrainOptions, device: str
) -> dict[str, Tensor]:
    """MTTR's losses of all sentences of some clips."""
    encoded = encode_clips(network, clips, encoders.start, options.frame_stride, device)
    texts = [[sentence.text for sentence in sentences] for _, _, sentences in encoded]
    outputs = predict_layers(network, [clip for clip, _, _ in encoded], texts, encoders.tokenizer, device)
    losses = compute_losses(outputs, batch_targets(encoded, options, device), LOSSES)
    return {"loss": total_loss(losses, LOSSES), **losses}


def window_frames(size: int) -> FrameChoice:
    """Return the authors' rule: consecutive frames from the anchor on; the last window ends with the video.

    A video that is shorter than a window repeats its last frame.
    """

    def choose(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        first = max(0, min(anchor, length - size))
        return [min(first + step, length - 1) for step in range(size)]

    return choose


def augmentation(options: TrainOptions) -> Augmentation:
    """Return the authors' transforms: flip, then a fixed short side."""
    flip: tuple[Augmentation, ...] = (RandomHorizontalFlip(swap_words=True),) if options.horizontal_flip else ()
    return Compose((LowerCase(), *flip, RandomResize((options.train_short_size,), options.train_max_size)))


def clip_targets(clip: SampledClip, sentence: ClipSentence, options: TrainOptions, device: str) -> MttrTargets:
    """Make the targets of a sentence: every object of the clip, and which of them it refers to."""
    is_ref_inst = torch.zeros(len(clip.masks), dtype=torch.bool)
    is_ref_inst[list(sentence.objects)] = True
    masks = torch.from_numpy(np.ascontiguousarray(clip.masks)).transpose(0, 1)
    return build_targets(masks.to(device), is_ref_inst.to(device), options.targets)


def batch_targets(encoded: Sequence[EncodedClip], options: TrainOptions, device: str) -> list[MttrTargets]:
    """Make the targets of every sentence of every clip, in order."""
    return [clip_targets(clip, sentence, options, device) for _, clip, sentences in encoded for sentence in sentences]


def encode_clips(
    network: Mttr, clips: Sequence[SampledClip], start: ClipStart | None, stride: int, device: str
) -> list[EncodedClip]:
    """Encode clips, padded to the largest one, for their sentences; see `encode_clip`."""
    size = padded_size(clips, 1)
    return [encoded for clip in clips for encoded in encode_clip(network, clip, size, device, start, stride=stride)]


def predict_layers(
    network: Mttr,
    features: Sequence[ClipFeatures],
    texts: Sequence[Sequence[str]],
    tokenizer: Tokenizer,
    device: str,
) -> MttrOutputs:
    """Predict with every decoder layer for every sentence of every clip; the batch axis is (clip, sentence)."""
    segmented = []
    for clip, sentences in zip(features, texts, strict=True):
        ids, mask = token_batch(sentences, tokenizer)
        words = network.read(torch.tensor(ids, device=device), torch.tensor(mask, device=device))
        segmented.append(network(clip, words))
    layers = [
        MttrOutputs(
            torch.cat([output.masks(layer) for output in segmented]).transpose(0, 1).float(),
            torch.cat([output.referred[layer] for output in segmented]).transpose(0, 1).float(),
        )
        for layer in range(len(segmented[0].referred))
    ]
    return MttrOutputs(layers[-1].pred_masks, layers[-1].pred_is_referred, tuple(layers[:-1]))
