"""Training of trajectory networks (LMPM, DsHmp) on clips of a MeViS split, for any of their sizes.

What both share: sampling, augmentation, targets, parameter groups and the file to start from. The batch axis is (clip,
sentence): what does not see the words runs once per clip. Axes: t frames, n objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors
from baselines.layers.inference.query_segmenter import Rgb
from baselines.layers.inputs.resize import Size
from baselines.layers.options import Count, Fraction, Rate
from baselines.layers.training.clip_augmentation import (
    Compose,
    LowerCase,
    MovingCrop,
    RandomHorizontalFlip,
    RandomResize,
    RandomSelect,
    padded,
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
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.layers.training.trajectory_targets import TrajectoryTargets
from mevis_bench.records import TrainingArguments
from mevis_bench.records.training import ParameterGroup


@dataclass(frozen=True, slots=True)
class StartFiles:
    """Public files to start from, as paths; ``None``: seeded random weights, and a tokenizer of the training's words.

    Attributes:
        mask2former: Mask2Former Swin-T, COCO instance segmentation.
        roberta: ``model.safetensors`` of roberta-base.
        tokenizer: Its ``tokenizer.json``.
    """

    mask2former: str | None
    roberta: str | None
    tokenizer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrajectoryTrainOptions(ClipTrainOptions):
    """Options of a training, in addition to those of all trainings on clips; names as in the authors' configurations.

    Attributes:
        sampling_frame_num: Frames of a clip.
        sampling_frame_range: Largest distance of the other frames from the anchor.
        min_size_train: Short sides of the frames to draw from, in pixels.
        max_size_train: Upper bound of the long side.
        crop_scales: Short sides to draw from before the crop that half of the clips get; empty: no crops.
        crop_max_size: Upper bound of the long side before the crop.
        crop_size: Smallest and largest side of a crop, in pixels of ``crop_scales``.
        random_flip: Whether half of the clips are mirrored; their sentences stay.
        base_lr: Learning rate.
        backbone_multiplier: Factor on it for the backbone.
        weight_decay: Of all parameters but norms, embeddings and position biases.
        milestones: Shares of the training, 0..1, after which the rates are divided by ten.
        clip_value: Largest norm of the whole gradient.
        drop_path: Of the backbone.
        amp: Whether the network runs in bfloat16 (the authors' float16 needs loss scaling).
        freeze_text_encoder: Whether the text encoder is frozen, as the authors'; without files to start from it must
            learn.
        start: Files to start from.
    """

    sampling_frame_num: Count
    sampling_frame_range: Count
    min_size_train: Annotated[tuple[Count, ...], Meta(min_length=1)]
    max_size_train: Count
    crop_scales: tuple[Count, ...]
    crop_max_size: Count
    crop_size: tuple[Count, Count]
    random_flip: bool
    base_lr: Rate
    backbone_multiplier: Rate
    weight_decay: Rate
    milestones: tuple[Fraction, ...]
    clip_value: Rate
    drop_path: Fraction
    amp: bool
    freeze_text_encoder: bool
    start: StartFiles

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """Data type of the network."""
        return "bfloat16" if self.amp else "float32"


def trajectory_sampler(
    arguments: TrainingArguments, options: TrajectoryTrainOptions, choose_frames: FrameChoice, *, spoken: bool = False
) -> ClipSampler:
    """Sampler of clips around every frame of every video, with the authors' transforms."""
    index = ClipIndex(
        arguments.data, arguments.seed, options.sentences, range, no_target=options.no_target, spoken=spoken
    )
    resize: Augmentation = RandomResize(options.min_size_train, options.max_size_train)
    if options.crop_scales:
        crop = (RandomResize(options.crop_scales, options.crop_max_size), MovingCrop(*options.crop_size), resize)
        resize = RandomSelect(Compose(crop), resize)
    flip: tuple[Augmentation, ...] = (RandomHorizontalFlip(swap_words=False),) if options.random_flip else ()
    return ClipSampler(index, options.batch_size, choose_frames, Compose((LowerCase(), resize, *flip)))


def frames_around(count: int, distance: int, *, replace: bool | None) -> FrameChoice:
    """Return the authors' rule: the anchor, and other frames near it, in order.

    Args:
        count: Frames of a clip.
        distance: Largest distance from the anchor.
        replace: Whether a frame may be drawn again; ``None``: only where there are too few.
    """

    def choose(length: int, anchor: int, rng: np.random.Generator) -> list[int]:
        others = [frame for frame in range(anchor - distance, anchor + distance + 1) if 0 <= frame < length]
        if len(others) > 1:
            others.remove(anchor)
        again = len(others) < count - 1 if replace is None else replace
        drawn = rng.choice(others, count - 1, replace=again)
        return sorted([anchor, *(int(frame) for frame in drawn)])

    return choose


def network_images(clip: SampledClip, mean: Rgb, std: Rgb, size: Size) -> Tensor:
    """Frames of a clip, normalized, then padded right and bottom to ``size``: ``(t, 3, *size)``."""
    images = torch.from_numpy(np.ascontiguousarray(clip.images)).permute(0, 3, 1, 2).float()
    center, scale = (torch.tensor(value).view(3, 1, 1) for value in (mean, std))
    return padded((images - center) / scale, size)


def sentence_targets(
    clip: SampledClip, sentence: ClipSentence, size: Size, options: TrajectoryTrainOptions
) -> TrajectoryTargets:
    """Objects of a sentence in a clip, padded to ``size``; see ``TrajectoryTargets.from_objects``."""
    rows = list(sentence.objects)
    masks = padded(torch.from_numpy(clip.masks[rows]).float(), size)
    return TrajectoryTargets.from_objects(masks, torch.tensor(rows, dtype=torch.long), options.targets)


def trajectory_groups(
    network: nn.Module, options: TrajectoryTrainOptions, *, slow_fusion: bool
) -> list[ParameterGroup]:
    """Return the authors' parameter groups.

    Args:
        network: Parameters with "backbone" in their names are the backbone's.
        options: Rates and weight decay.
        slow_fusion: Whether the fusion with the words inside the backbone has the backbone's rate.
    """
    plain = _without_decay(network)
    slow = options.base_lr * options.backbone_multiplier

    def in_backbone(name: str) -> bool:
        return "backbone" in name and (slow_fusion or "fusion" not in name)

    decay = options.weight_decay
    return group_parameters(
        network,
        [
            GroupRule("backbone, no decay", lambda name: in_backbone(name) and name in plain, slow, 0.0),
            GroupRule("backbone", in_backbone, slow, decay),
            GroupRule("others, no decay", lambda name: name in plain, options.base_lr, 0.0),
            GroupRule("others", every_parameter, options.base_lr, decay),
        ],
    )


def decayed_groups(network: nn.Module, rate: float, weight_decay: float) -> list[ParameterGroup]:
    """Return two groups of one rate: norms, embeddings and position biases have no weight decay."""
    plain = _without_decay(network)
    return group_parameters(
        network,
        [
            GroupRule("no decay", lambda name: name in plain, rate, 0.0),
            GroupRule("others", every_parameter, rate, weight_decay),
        ],
    )


_NORMS = (nn.LayerNorm, nn.GroupNorm, nn.InstanceNorm1d, nn.Embedding)


def _without_decay(network: nn.Module) -> set[str]:
    """Names of the parameters of norms and embeddings, and of relative position biases."""
    names = {
        f"{prefix}.{name}" if prefix else name
        for prefix, module in network.named_modules()
        if isinstance(module, _NORMS)
        for name, _ in module.named_parameters(recurse=False)
    }
    return names | {name for name, _ in network.named_parameters() if "relative_position_bias_table" in name}


_FROM_MASK2FORMER = ("backbone.", "sem_seg_head.")
_IGNORED = ("criterion.empty_weight",)


def start_from_mask2former(network: nn.Module, path: Path, own: Sequence[str]) -> None:
    """Load Mask2Former, trained on COCO, into the parts that it has; of its 100 queries the first ones are kept.

    Args:
        network: A trajectory network.
        path: Mask2Former Swin-T, COCO instance segmentation.
        own: Parts of names of what the network has in addition, or in another size.

    Raises:
        DataError: The file is not Mask2Former's.
    """
    expected = {
        key: value
        for key, value in network.state_dict().items()
        if key.startswith(_FROM_MASK2FORMER) and not any(part in key for part in own)
    }
    tensors = read_tensors(path, entry="model")
    for key, value in expected.items():
        if "query_" in key and key in tensors:
            tensors[key] = tensors[key][: len(value)]
    ignored = [key for key in tensors if key not in expected and (key in _IGNORED or any(part in key for part in own))]
    network.load_state_dict(match_keys(tensors, expected, location=str(path), ignored=ignored), strict=False)
