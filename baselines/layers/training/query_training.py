"""The training that ReferFormer, MUTR and SgMg share: data, augmentation, parameter groups and losses.

Wu et al., "Language as Queries for Referring Video Object Segmentation", CVPR 2022; the authors' recipe for
Refer-YouTube-VOS, whose loader for MeViS is the same. Axes: b (clip, sentence) pairs, t frames.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from baselines.layers.nn.language_queries import LanguageDetector
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import (
    Compose,
    LowerCase,
    PhotometricDistort,
    RandomHorizontalFlip,
    RandomResize,
    RandomSelect,
    RandomSizeCrop,
    padded_size,
)
from baselines.layers.training.clip_sampling import Augmentation, ClipSentence, ClipTrainOptions, SampledClip
from baselines.layers.training.clip_training import existing_file
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.layers.training.prompted_clips import EncodedClip
from baselines.layers.training.query_losses import (
    QueryLossConfig,
    QueryOutputs,
    QueryTargets,
    build_targets,
    compute_losses,
    total_loss,
)
from mevis_bench.records.training import ParameterGroup

LOSSES = QueryLossConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTrainOptions(ClipTrainOptions):
    """A training of ReferFormer, MUTR or SgMg, by the names of the authors' options where they have one.

    Attributes:
        num_frames: Frames of a clip: 1, or at least 3; ``None``: all of the video.
        lr: Learning rate.
        lr_backbone: That of the backbone.
        lr_text_encoder: That of the text encoder.
        lr_linear_proj_mult: Factor on ``lr`` for reference points and sampling offsets.
        weight_decay: Of all parameters.
        lr_drop: Epochs at whose start the rates are divided by 10.
        clip_max_norm: Largest norm of the whole gradient.
        freeze_text_encoder: Whether the text encoder stays as it is; its dropout is active all the same.
        scales: Short sides, one of which is drawn for every clip.
        max_size: Upper bound of the long side.
        crop_resize: Half of the clips are resized to one of these short sides, cropped, and then resized as the others.
        crop_size: Least and largest side of the crop.
        frame_stride: On the common start: a sentence is learned from every n-th of the clip's frames.
        size_multiple: Clips are padded to multiples of this; 32 in the original.
        augment: Whether clips are mirrored, distorted and cropped; else only resized to one of ``scales``.
        pretrained_weights: Weights to start from, the class heads excepted, as the authors do; ``None``: seeded random.
        tokenizer: ``tokenizer.json`` of roberta-base; ``None``: a hash of the words.
    """

    num_frames: Count | None
    lr: Rate
    lr_backbone: Rate
    lr_text_encoder: Rate
    lr_linear_proj_mult: Rate
    weight_decay: Rate
    lr_drop: tuple[int, ...]
    clip_max_norm: Rate
    freeze_text_encoder: bool
    scales: tuple[int, ...]
    max_size: Count
    crop_resize: tuple[int, ...]
    crop_size: tuple[int, int]
    frame_stride: Count
    size_multiple: Count
    augment: bool
    pretrained_weights: str | None
    tokenizer: str | None

    def __post_init__(self) -> None:
        if self.num_frames == 2:
            raise ValueError("'num_frames': expected 1 or at least 3, got 2")


NetworkT = TypeVar("NetworkT", bound=nn.Module)


class QueryNetwork(Protocol):
    """ReferFormer or one of its successors."""

    @property
    def queries(self) -> LanguageDetector:
        """The part that all share."""
        ...

    def encode(self, frames: Tensor, size: tuple[int, int] | None = None) -> Any:
        """Encode a clip."""
        ...


def clip_anchors(num_frames: int | None) -> Callable[[int], Sequence[int]]:
    """Return the authors' anchors: every ``num_frames``-th frame; ``None``: the first."""
    return lambda length: range(0, length, num_frames or length)


def clip_frames(num_frames: int | None) -> Callable[[int, int, np.random.Generator], list[int]]:
    """Return the authors' choice of frames.

    The anchor, a frame 1 to 3 before and one 1 to 3 after it, inside the video, and the rest from the frames before the
    first or from the last of these on, without replacement; from all frames where those are too few. Sorted; frames may
    repeat. ``None``: all frames.
    """

    def choose(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        if num_frames is None:
            return list(range(length))
        if num_frames == 1:
            return [anchor]
        before, after = (int(rng.integers(1, 4)) for _ in range(2))
        chosen = [anchor, max(0, anchor - before), min(length - 1, anchor + after)]
        missing = num_frames - len(chosen)
        far = [*range(min(chosen)), *range(max(chosen), length)]
        pool = far if len(far) > missing else list(range(length))
        rest = rng.choice(pool, missing, replace=len(pool) < missing)
        return sorted([*chosen, *(int(frame) for frame in rest)])

    return choose


def resizing(options: QueryTrainOptions) -> Augmentation:
    """Return the authors' choice of a size: a resize, or half of the time a crop between two resizes."""
    resize = RandomResize(options.scales, options.max_size)
    if not options.augment:
        return resize
    return RandomSelect(
        resize, Compose((RandomResize(options.crop_resize), RandomSizeCrop(*options.crop_size), resize))
    )


def augmentation(options: QueryTrainOptions) -> Augmentation:
    """Return the authors' transforms, or a resize alone."""
    colors = (RandomHorizontalFlip(swap_words=True), PhotometricDistort()) if options.augment else ()
    return Compose((LowerCase(), *colors, resizing(options)))


def parameter_groups(network: nn.Module, options: QueryTrainOptions) -> list[ParameterGroup]:
    """Divide the parameters as the authors do; all have weight decay, norms and biases too."""
    points = ("reference_points", "sampling_offsets")
    decay = options.weight_decay
    rules = [
        GroupRule("backbone", lambda name: name.startswith("queries.backbone."), options.lr_backbone, decay),
        GroupRule("text_encoder", lambda name: ".text_encoder." in name, options.lr_text_encoder, decay),
        GroupRule(
            "linear_proj",
            lambda name: any(part in name for part in points),
            options.lr * options.lr_linear_proj_mult,
            decay,
        ),
        GroupRule("rest", every_parameter, options.lr, decay),
    ]
    return group_parameters(network, rules)


def freeze_stem(network: QueryNetwork) -> None:
    """Freeze a ResNet's stem and first stage, as the authors do; its norms are constants. A Swin is trained whole."""
    for name, parameter in network.queries.backbone.get_submodule("body").named_parameters():
        if name.startswith(("conv1.", "layer1.")):
            parameter.requires_grad_(False)


def start_from(path: str, network: NetworkT, load: Callable[[Path, NetworkT], dict[str, Tensor]]) -> None:
    """Load pretrained weights, the class heads excepted.

    Raises:
        MissingWeightsError: The file is missing.
        DataError: It is not a checkpoint of this network.
    """
    tensors = load(existing_file(path, "pretrained_weights"), network)
    heads = {name: value for name, value in network.state_dict().items() if ".class_embed." in name}
    network.load_state_dict({**tensors, **heads})


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Predictions for one sentence of a clip.

    Attributes:
        outputs: What the method predicts, with every decoder layer.
        clip: The frames and masks that it saw.
        sentence: The sentence.
    """

    outputs: Any
    clip: SampledClip
    sentence: ClipSentence


Objective = Callable[[Sequence[Predicted], str, str], dict[str, Tensor]]
"""Losses by name, ``loss`` their weighted sum, of predictions, the mode of `Targets`, and the device."""


def query_objective(predicted: Sequence[Predicted], mode: str, device: str) -> dict[str, Tensor]:
    """ReferFormer's losses of `QueryOutputs`."""
    targets = [sentence_targets(one.clip, one.sentence, mode).to(device) for one in predicted]
    losses = compute_losses(join_outputs([one.outputs for one in predicted]), targets, LOSSES)
    return {"loss": total_loss(losses, LOSSES), **losses}


def clip_losses(
    encode: Callable[[SampledClip, tuple[int, int]], Iterable[EncodedClip]],
    clips: Sequence[SampledClip],
    predict: Callable[[Any, ClipSentence], Any],
    options: QueryTrainOptions,
    device: str,
    objective: Objective = query_objective,
) -> dict[str, Tensor]:
    """Losses of all sentences of some clips. Clips are padded to the largest one.

    Args:
        encode: Encodes a clip, padded to rows and columns, for its sentences.
        clips: At least one.
        predict: Predicts for one sentence of an encoded clip, with every decoder layer.
        options: Of the training.
        device: Of the network.
        objective: Of the method.
    """
    size = padded_size(clips, options.size_multiple)
    predicted = [
        Predicted(predict(features, sentence), seen, sentence)
        for clip in clips
        for features, seen, sentences in encode(clip, size)
        for sentence in sentences
    ]
    return objective(predicted, options.targets, device)


def sentence_targets(clip: SampledClip, sentence: ClipSentence, mode: str) -> QueryTargets:
    """Make the targets of a sentence of an augmented clip."""
    rows = list(sentence.objects)
    masks, extents = (torch.from_numpy(np.ascontiguousarray(array[rows])) for array in (clip.masks, clip.boxes))
    return build_targets(masks, extents, mode)


def join_outputs(outputs: Sequence[QueryOutputs]) -> QueryOutputs:
    """Join outputs of equal size along b, layer by layer."""
    layers = zip(*((*output.aux_outputs, output) for output in outputs), strict=True)
    *earlier, last = (
        QueryOutputs(
            torch.cat([part.pred_logits for part in parts]),
            torch.cat([part.pred_boxes for part in parts]),
            torch.cat([part.pred_masks for part in parts]),
            stride=parts[0].stride,
            refine=tuple(refine for part in parts for refine in part.refine),
        )
        for parts in layers
    )
    return last.after(earlier)
