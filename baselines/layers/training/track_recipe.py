"""Training of the referring trackers (TransRMOT, TempRMOT) on clips of a MeViS split, for any of their sizes.

Every object that a sentence of the video refers to is a target; whether the clip's own sentence refers to it is the
referring target. So a sentence of several objects refers to several, and one without target refers to none. The batch
axis is (clip, sentence): backbone and encoder run on all frames and sentences of a clip at once, the decoder follows
each sentence's tracks. Behind a start the whole video is tracked first, and each sentence has its own clip of it.
Axes: t frames, o objects.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from baselines.layers.checkpoints.detector_checkpoint import start_from_deformable_detr
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.inference.encoders import Encoders
from baselines.layers.inference.track_streaming import StreamingTracker, StreamSettings, TrackingDetector, sentence_ids
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.text_encoder import TextEncoderConfig, build_roberta
from baselines.layers.options import Count, Rate
from baselines.layers.training.clip_augmentation import (
    Compose,
    RandomResize,
    RandomSelect,
    RandomSizeCrop,
    normalized,
)
from baselines.layers.training.clip_sampling import (
    Augmentation,
    ClipIndex,
    ClipSampler,
    ClipSentence,
    ClipTrainOptions,
    SampledClip,
    sentence_prompt,
)
from baselines.layers.training.clip_training import ClipStage, drop_schedule, existing_file, fit
from baselines.layers.training.distributed import average_count
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.layers.training.track_losses import (
    FrameTargets,
    TrackLossConfig,
    compute_losses,
    loss_weights,
)
from baselines.layers.training.track_training import ClipOutputs, encode_clip, freeze_backbone
from baselines.layers.training.vocabulary import training_tokenizer
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True)
class StartFiles:
    """Public files to start from, as paths; ``None``: seeded random weights, and a tokenizer of the training's words.

    Attributes:
        detector: Deformable DETR with iterative box refinement, COCO.
        roberta: ``model.safetensors`` of roberta-base.
        tokenizer: Its ``tokenizer.json``.
    """

    detector: str | None
    roberta: str | None
    tokenizer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions(ClipTrainOptions):
    """Options of a training, in addition to those of all trainings on clips; names as in the authors' scripts.

    Attributes:
        targets: ``per_object``: the trackers follow every object apart.
        sampler_lengths: Frames of a clip. A clip ends with its video; the last frame of a shorter video repeats, or
            behind a start, which tracks the whole video, the clip is shorter.
        sample_interval: Distance between a clip's frames.
        scales: Short sides of the frames to draw from, in pixels.
        max_size: Upper bound of the long side.
        crop_scales: Short sides to draw from before the crop that half of the clips get; empty: no crops.
        crop_sides: Smallest and largest side of a crop, in pixels of ``crop_scales``.
        lr: Learning rate.
        lr_backbone: Of the ResNet.
        lr_linear_proj_mult: Factor on ``lr`` of reference points and sampling offsets.
        lr_drop: The rates are divided by ten every this many epochs.
        weight_decay: Of all parameters.
        clip_max_norm: Largest norm of the gradient.
        freeze_pretrained: Whether text encoder, stem and first stage are frozen, as the authors'; without files to
            start from they must learn.
        start: Files to start from; none for a network on the common start.
    """

    targets: Literal["per_object"]
    sampler_lengths: Count
    sample_interval: Count
    scales: Annotated[tuple[Count, ...], Meta(min_length=1)]
    max_size: Count
    crop_scales: tuple[Count, ...]
    crop_sides: tuple[Count, Count]
    lr: Rate
    lr_backbone: Rate
    lr_linear_proj_mult: Rate
    lr_drop: Count
    weight_decay: Rate
    clip_max_norm: Rate
    freeze_pretrained: bool
    start: StartFiles


ForwardClip = Callable[[Sequence[EncodedLevels], Sequence[FrameTargets]], ClipOutputs]
"""Runs one sentence's decoder over a clip, from one memory and the targets per frame."""


def own_encoders(arguments: TrainingArguments, text: TextEncoderConfig) -> Encoders:
    """Build the encoders of a training without a start, seeded: a random RoBERTa of sizes ``text``, and a tokenizer.

    Raises:
        MissingWeightsError: The tokenizer's file is missing.
        DataError: It is another file.
    """
    tokenizer = training_tokenizer(arguments, arguments.options.start.tokenizer, text.vocab_size)
    torch.manual_seed(arguments.seed)
    return Encoders(arguments.method_options.backbone, build_roberta(text), tokenizer)


def train_tracker(
    arguments: TrainingArguments,
    model: TrackingDetector,
    encoders: Encoders,
    forward: ForwardClip,
    losses: TrackLossConfig,
) -> None:
    """Train, or continue a training that was stopped, and write weights and tokenizer.

    Args:
        arguments: Its ``options`` are `TrackTrainOptions`, its ``method_options`` `StreamOptions`.
        model: With seeded random weights.
        encoders: On which it is built.
        forward: Of the model.
        losses: Matching costs and weights.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
        UsageError: The split has no usable sentence.
    """
    options: TrackTrainOptions = arguments.options
    if options.start.detector:
        start_from_deformable_detr(model, existing_file(options.start.detector, "start.detector"))
    if options.start.roberta:
        load_roberta(model.get_submodule("text_encoder"), existing_file(options.start.roberta, "start.roberta"))
    if options.freeze_pretrained:
        freeze_backbone(model)
    model.to(arguments.device)
    drops = range(options.lr_drop, options.epochs, options.lr_drop)
    stage = ClipStage(
        name="tracker",
        network=model,
        groups=group_parameters(model, group_rules(options)),
        sampler=clip_sampler(arguments, options, whole_videos=encoders.start is not None),
        loss_fn=lambda clips: clip_losses(model, forward, encoders, clips, options, losses, arguments.device),
        method=StreamingTracker(
            model,
            encoders.tokenizer,
            StreamSettings.from_options(arguments.method_options),
            arguments.device,
            encoders.start,
        ),
        best_metric="HOTA",
        schedule=drop_schedule(drops, options.epochs),
        max_gradient_norm=options.clip_max_norm,
        half=encoders.start is not None,  # shipped
    )
    fit(arguments, options, stage, "model.safetensors")


def group_rules(options: TrackTrainOptions) -> list[GroupRule]:
    """Return the authors' parameter groups."""
    decay, points_rate = options.weight_decay, options.lr * options.lr_linear_proj_mult
    return [
        GroupRule("backbone", lambda name: "backbone.0" in name, options.lr_backbone, decay),
        GroupRule("points", lambda name: "reference_points" in name or "sampling_offsets" in name, points_rate, decay),
        GroupRule("others", every_parameter, options.lr, decay),
    ]


def choose_frames(length: int, start: int, options: TrackTrainOptions) -> list[int]:
    """Choose a clip's frames from ``start`` on; past the end of the video its last frame repeats."""
    stop = start + options.sampler_lengths * options.sample_interval
    return [min(frame, length - 1) for frame in range(start, stop, options.sample_interval)]


def clip_sampler(arguments: TrainingArguments, options: TrackTrainOptions, *, whole_videos: bool) -> ClipSampler:
    """Sampler of clips, each within one video, or of whole videos."""
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        lambda length: range(1 if whole_videos else clip_places(length, options)),
        no_target=options.no_target,
    )
    augment: Augmentation = RandomResize(options.scales, options.max_size)
    if options.crop_scales:
        crop = RandomSizeCrop(*options.crop_sides, clip_boxes=False)
        augment = RandomSelect(augment, Compose((RandomResize(options.crop_scales), crop, augment)))

    def frames(length: int, start: int, rng: np.random.Generator) -> Sequence[int]:
        return range(length) if whole_videos else choose_frames(length, start, options)

    return ClipSampler(index, options.batch_size, frames, augment)


def clip_places(length: int, options: TrackTrainOptions) -> int:
    """Count the places at which a clip can start in a video of ``length`` frames, at least 1."""
    return max(1, length - (options.sampler_lengths - 1) * options.sample_interval)


def frame_targets(clip: SampledClip, sentence: ClipSentence) -> tuple[FrameTargets, ...]:
    """Targets of a sentence in each frame: the objects that the frame shows, and whether the sentence means them."""
    height, width = clip.size
    shown = clip.masks.sum((-2, -1)) > 0
    corners = clip.boxes + np.array([0, 0, 1, 1], np.float32)  # half-open
    centers = np.concatenate(((corners[..., :2] + corners[..., 2:]) / 2, corners[..., 2:] - corners[..., :2]), -1)
    boxes = torch.from_numpy(centers / np.array([width, height] * 2, np.float32))
    referred = torch.zeros(len(clip.masks), dtype=torch.bool)
    referred[list(sentence.objects)] = True
    targets = []
    for frame in range(len(clip.images)):
        rows = torch.from_numpy(np.flatnonzero(shown[:, frame]))
        targets.append(FrameTargets(boxes[rows, frame], rows, referred[rows]))
    return tuple(targets)


def encode_sentences(
    model: TrackingDetector, encoders: Encoders, clip: SampledClip, options: TrackTrainOptions, device: str
) -> Iterator[tuple[tuple[EncodedLevels, ...], SampledClip, ClipSentence]]:
    """Encode a clip with each of its sentences.

    Yields:
        One memory per frame, the frames that they are of, and the sentence. Behind a start the sentences' clips are
        spread over ``clip``, a whole video, in order.
    """
    frames = normalized(clip).to(device)
    ids = [sentence_ids(model, encoders.tokenizer, sentence.text).to(device) for sentence in clip.sentences]
    if encoders.start is None:
        for sentence, memories in zip(clip.sentences, encode_clip(model, frames, ids), strict=True):
            yield memories, clip, sentence
        return
    tracked = encoders.start.track(frames)
    features = encoders.start.read([sentence_prompt(sentence, spoken=False) for sentence in clip.sentences])
    first = np.linspace(0, clip_places(len(frames), options) - 1, len(ids)).round().astype(int).tolist()
    for sentence, sentence_id, feature, place in zip(clip.sentences, ids, features, first, strict=True):
        seen = slice(place, place + options.sampler_lengths * options.sample_interval, options.sample_interval)
        (memories,) = encode_clip(model, encoders.start.prompted(tracked, feature).at(seen), [sentence_id])
        yield memories, clip.at(seen), sentence


def clip_losses(
    model: TrackingDetector,
    forward: ForwardClip,
    encoders: Encoders,
    clips: Sequence[SampledClip],
    options: TrackTrainOptions,
    config: TrackLossConfig,
    device: str,
) -> dict[str, Tensor]:
    """Losses of a micro-batch, over all sentences of its clips.

    Every loss is a sum over the objects of all frames, divided by the number of objects (and of tracks whose object has
    left) of the whole batch.

    Returns:
        ``loss``, and the weighted sum of each kind over frames and layers: ``loss_ce``, ``loss_bbox``, ``loss_giou``
        and ``loss_refer``.
    """
    runs: list[tuple[ClipOutputs, tuple[FrameTargets, ...]]] = []
    for clip in clips:
        for encoded, seen, sentence in encode_sentences(model, encoders, clip, options, device):
            targets = tuple(target.to(device) for target in frame_targets(seen, sentence))
            runs.append((forward(encoded, targets), targets))
    samples = sum(frame.num_samples for result, _ in runs for frame in result.matches)
    divisor = average_count(torch.tensor(float(samples), device=device)).item()
    weights = loss_weights(config)
    kinds = {f"loss_{kind}": torch.zeros((), device=device) for kind in weights}
    for result, targets in runs:
        for name, value in compute_losses(result.outputs, targets, result.matches, divisor).items():
            kind = name.rpartition("_")[2]
            kinds[f"loss_{kind}"] = kinds[f"loss_{kind}"] + weights[kind] * value
    return {"loss": torch.stack(list(kinds.values())).sum(), **kinds}
