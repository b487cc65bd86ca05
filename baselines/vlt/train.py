"""Training of VLT (``mevis-bench train --method vlt``): frames of a video with some of its sentences.

The authors' recipe is one for images (Ding et al., VLT, ICCV 2021); clips and temporal context are ours. Axes: n clips,
p pairs of a clip and a sentence, t frames of a clip.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn

from baselines.layers.inference.prompted_model import ClipStart
from baselines.layers.inputs.word_vectors import TRAINED_SEED, GloveFile, SeededVectors, WordVectors, word_table
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import RandomResize, normalized
from baselines.layers.training.clip_sampling import (
    ClipIndex,
    ClipSampler,
    ClipTrainOptions,
    SampledClip,
    clip_sentences,
    sentence_prompt,
)
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.lmpmpp.mini.clip_start import START_CHANNELS, training_start
from baselines.vlt.backbone import Pyramid
from baselines.vlt.checkpoint import load_network
from baselines.vlt.config import SIZES
from baselines.vlt.letterbox import Letterbox
from baselines.vlt.losses import compute_loss
from baselines.vlt.method import VltMethod
from baselines.vlt.model import MAX_WORDS, Vlt, Words
from baselines.vlt.options import Options
from mevis_bench.records import TrainingArguments, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ClipTrainOptions):
    """A training.

    Attributes:
        num_frames: Frames of a clip, one from each of equal segments of the video; at least 2, for the batch norms.
        frame_stride: On the common start: a sentence is learned from every n-th of the clip's frames.
        lr: Learning rate of all parameters.
        weight_decay: Of the convolutions; the authors' is a term of the loss.
        lr_drop: Epochs at whose start the rate is multiplied by 0.1.
        checkpoint: Weights to start from, of VLT without temporal context; ``None``: seeded random.
        words: GloVe's text file; ``None``: a seeded random vector per word.
    """

    num_frames: Annotated[int, Meta(ge=2)]
    frame_stride: Count
    lr: Rate
    weight_decay: Rate
    lr_drop: tuple[int, ...]
    checkpoint: str | None
    words: str | None


OPTIONS = {"darknet53-tc": TrainOptions, "darknet53": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence, or ``targets`` is ``per_object``.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    if options.targets == "per_object":
        raise UsageError("VLT draws one mask and cannot keep objects apart", hint="Set targets=union.")
    sizes = SIZES[variant.size]
    start = training_start(arguments)
    torch.manual_seed(arguments.seed)
    prepared = None if start is None else START_CHANNELS
    network = Vlt(sizes, temporal_context=variant.temporal_context, prepared=prepared)
    if options.checkpoint:
        image_network = load_network(existing_file(options.checkpoint, "checkpoint"), sizes, temporal_context=False)
        network.load_state_dict(image_network.state_dict(), strict=not variant.temporal_context)
    network.to(arguments.device)
    vectors: WordVectors = SeededVectors(TRAINED_SEED)
    if options.words:
        vectors = GloveFile(existing_file(options.words, "words"))
    convolutions = {f"{name}.weight" for name, part in network.named_modules() if isinstance(part, nn.Conv2d)}
    rules = [
        GroupRule("convolutions", convolutions.__contains__, options.lr, options.weight_decay),
        GroupRule("others", every_parameter, options.lr, 0.0),
    ]
    index = ClipIndex(
        arguments.data, arguments.seed, options.sentences, lambda length: (0,), no_target=options.no_target
    )

    def spread(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        edges = np.linspace(0, length, options.num_frames + 1)
        return [min(length - 1, int(rng.uniform(*pair))) for pair in itertools.pairwise(edges)]

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        if start is None:
            return {"loss": clip_loss(network, clips, vectors, arguments.device)}
        stride, device = options.frame_stride, arguments.device
        losses = [prompted_loss(network, clip, start, stride, vectors, device) for clip in clips]
        return {"loss": torch.stack(losses).mean()}

    stage = ClipStage(
        name="vlt",
        network=network,
        groups=group_parameters(network, rules),
        sampler=ClipSampler(index, options.batch_size, spread, unchanged),
        loss_fn=loss_fn,
        method=VltMethod(network, vectors, variant, arguments.device, start),
        schedule=drop_schedule(options.lr_drop, options.epochs),
    )
    name = "vlt_tc_darknet53" if arguments.variant == "darknet53-tc" else f"vlt_{arguments.variant}"
    fit(arguments, options, stage, f"{name}.safetensors")


def unchanged(clip: SampledClip, rng: np.random.Generator) -> SampledClip:
    """Return the clip: frames are letterboxed with their masks in `clip_loss`."""
    return clip


def clip_loss(network: Vlt, clips: Sequence[SampledClip], vectors: WordVectors, device: str) -> Tensor:
    """Loss of all sentences of some clips; each frame passes the backbone once."""
    side, frames = network.config.side, len(clips[0].frames)
    boxes = [Letterbox(*clip.size, side) for clip in clips]
    squares = [box.apply(torch.from_numpy(clip.images).to(device)) for box, clip in zip(boxes, clips, strict=True)]
    pyramid = network.backbone(torch.cat(squares))
    rows: list[int] = []
    tables, targets = [], []
    for number, clip, sentence in clip_sentences(clips):
        rows += range(number * frames, (number + 1) * frames)
        tables.append(word_table(sentence.text.split(), vectors, MAX_WORDS))
        union = torch.from_numpy(clip.masks[list(sentence.objects)].any(0)).to(device)
        targets.append(boxes[number].targets(union))
    words = network.read(torch.cat(tables).to(device))
    repeated = Words(*(part.repeat_interleave(frames, 0) for part in words))
    balanced = network.respond(Pyramid(*(maps[rows] for maps in pyramid)), repeated).balanced
    connected = torch.cat([network.connect(video) for video in balanced.split(frames)])
    return compute_loss(network.draw(connected), torch.cat(targets))


def prompted_loss(
    network: Vlt, clip: SampledClip, start: ClipStart, stride: int, vectors: WordVectors, device: str
) -> Tensor:
    """Loss of all sentences of a clip on the common start, each on every ``stride``-th frame with maps of its own."""
    box = Letterbox(*clip.size, network.config.side)
    scaled = RandomResize((min(box.inner),), max(box.inner))(clip, np.random.default_rng(0))
    tracked = start.track(normalized(scaled).to(device))
    read = start.read([sentence_prompt(sentence, spoken=False) for sentence in clip.sentences])
    maps, lengths, targets = [], [], []
    for number, (sentence, feature) in enumerate(zip(clip.sentences, read, strict=True)):
        seen = slice(number % stride, None, stride)
        maps.append(box.place(start.prompted(tracked, feature).maps[0][seen]))
        lengths.append(len(maps[-1]))
        union = np.asarray(clip.masks[list(sentence.objects), seen].any(0))
        targets.append(box.targets(torch.from_numpy(union).to(device)))
    tables = torch.cat([word_table(sentence.text.split(), vectors, MAX_WORDS) for sentence in clip.sentences])
    counts = torch.tensor(lengths, device=device)
    words = Words(*(part.repeat_interleave(counts, 0) for part in network.read(tables.to(device))))
    balanced = network.respond(network.backbone(torch.cat(maps)), words).balanced
    connected = torch.cat([network.connect(video) for video in balanced.split(lengths)])
    return compute_loss(network.draw(connected), torch.cat(targets))
