"""Training of LBDT: single frames, each with its difference to an earlier one, and some sentences about it.

The authors' recipe is ``configs/train/lbdt-lbdt-4.yaml``. Frames are squashed and not augmented. Axes: n clips of two
frames, b (clip, sentence) pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from baselines.layers.checkpoints.imagenet import load_imagenet
from baselines.layers.inputs.resize import resize
from baselines.layers.inputs.word_vectors import TRAINED_SEED, GloveFile, SeededVectors, WordVectors
from baselines.layers.options import Rate
from baselines.layers.training.clip_augmentation import normalized
from baselines.layers.training.clip_sampling import (
    ClipIndex,
    ClipSampler,
    ClipTrainOptions,
    SampledClip,
    Targets,
    clip_sentences,
)
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.lbdt.checkpoint import read_checkpoint
from baselines.lbdt.config import SIZES
from baselines.lbdt.losses import LbdtLossConfig, LbdtTargets, compute_losses, total_loss
from baselines.lbdt.method import LbdtMethod, earlier_frame
from baselines.lbdt.model import FrameFeatures, Lbdt, Stream
from baselines.lbdt.options import Options
from baselines.lbdt.words import embed_sentence, split_words
from mevis_bench.records import TrainingArguments, Video


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(ClipTrainOptions):
    """A training. The authors' files fix these numbers and give them no names of their own.

    Attributes:
        lr: Learning rate of all parameters.
        weight_decay: Of all parameters.
        lr_drop: Epochs at whose start the rate is multiplied by ``lr_drop_gamma``.
        lr_drop_gamma: See ``lr_drop``.
        imagenet: torchvision's ``resnet50-*.pth`` for both trunks; ``None``: seeded random.
        checkpoint: Weights of the whole network to start from; ``None``: none.
        words: GloVe's text file; ``None``: a seeded random vector per word.
    """

    lr: Rate
    weight_decay: Rate
    lr_drop: tuple[int, ...]
    lr_drop_gamma: Rate
    imagenet: str | None
    checkpoint: str | None
    words: str | None


OPTIONS = {"lbdt-4": TrainOptions, "mini": TrainOptions}
LOSSES = LbdtLossConfig()

UNUSED = ("decoder.spa_tower.", "decoder.tem_tower.", "decoder.mask_head.")
"""Parts of the published file that the forward pass does not reach."""


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from is another one.
        UsageError: The split has no usable sentence.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    device = arguments.device
    torch.manual_seed(arguments.seed)
    network = Lbdt(SIZES[variant.size])
    if options.imagenet:
        for trunk in (network.image_trunk, network.difference_trunk):
            load_imagenet(trunk, existing_file(options.imagenet, "imagenet"))
    if options.checkpoint:
        network.load_state_dict(read_checkpoint(existing_file(options.checkpoint, "checkpoint"), network))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.startswith(UNUSED))
    network.to(device)
    vectors: WordVectors = SeededVectors(TRAINED_SEED)
    if options.words:
        vectors = GloveFile(existing_file(options.words, "words"))
    index = ClipIndex(arguments.data, arguments.seed, options.sentences, range, no_target=options.no_target)

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        losses = clip_losses(network, clips, vectors, options.targets, device)
        return {"loss": total_loss(losses, LOSSES), **losses}

    stage = ClipStage(
        name="lbdt",
        network=network,
        groups=group_parameters(network, [GroupRule("all", every_parameter, options.lr, options.weight_decay)]),
        sampler=FramePairSampler(index, options.batch_size, anchor_alone, Squashed(variant.side), variant.interval),
        loss_fn=loss_fn,
        method=LbdtMethod(network, vectors, variant.side, variant.interval, device),
        schedule=drop_schedule(options.lr_drop, options.epochs, options.lr_drop_gamma),
    )
    fit(arguments, options, stage, f"lbdt_{arguments.variant.replace('-', '_').removeprefix('lbdt_')}.safetensors")


def anchor_alone(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
    """Return the anchor: every frame is one."""
    return [anchor]


@dataclass(frozen=True, slots=True, eq=False)
class FramePairSampler(ClipSampler):
    """Clips of an earlier frame and the anchor.

    Attributes:
        interval: See ``earlier_frame``.
    """

    interval: int

    def frames(self, video: Video, anchor: int, rng: np.random.Generator) -> list[int]:
        """Return the earlier frame and the anchor, in this order."""
        return [earlier_frame(video.frame_names, anchor, self.interval), anchor]


@dataclass(frozen=True, slots=True)
class Squashed:
    """Resize the images to a square; masks keep the video's size and are scaled by their own rule (``losses.py``)."""

    side: int

    def __call__(self, clip: SampledClip, rng: np.random.Generator) -> SampledClip:
        """Resize them."""
        return replace(clip, images=np.stack([resize(image, (self.side, self.side)) for image in clip.images]))


def clip_losses(
    network: Lbdt, clips: Sequence[SampledClip], vectors: WordVectors, targets: Targets, device: str
) -> dict[str, Tensor]:
    """Losses of all sentences of some clips; each frame is encoded once.

    With ``per_object`` a sentence of several objects in the frame counts once for each of them, as the authors' samples
    do; without any it counts once, with an empty mask.
    """
    pairs = torch.stack([normalized(clip) for clip in clips]).to(device)
    features = network.encode_frames(pairs[:, 1], (pairs[:, 1] - pairs[:, 0]).abs())
    owners, words, objects = [], [], []
    for number, clip, sentence in clip_sentences(clips):
        masks = torch.from_numpy(np.ascontiguousarray(clip.masks[list(sentence.objects), 1]))
        shown = masks[masks.flatten(1).bool().any(1)]
        parts = list(shown[:, None]) if targets == "per_object" and len(shown) else [shown]
        owners += [number] * len(parts)
        words += [embed_sentence(split_words(sentence.text), vectors)] * len(parts)
        objects += parts
    embedded, present = (torch.cat(parts).to(device) for parts in zip(*words, strict=True))
    logits = network(repeated(features, owners), network.encode_words(embedded, present))
    return compute_losses(logits, LbdtTargets.from_objects(objects, logits.shape[-2:]).to(device), LOSSES)


def repeated(features: FrameFeatures, owners: Sequence[int]) -> FrameFeatures:
    """Select the features of each pair's frame."""
    rows = list(owners)
    return FrameFeatures(
        *(Stream(stream.fine[rows], stream.stride16[rows]) for stream in (features.image, features.difference))
    )
