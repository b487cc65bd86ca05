"""Training of the referring trackers (TransRMOT, TempRMOT) on clips of a MeViS split, for any of their sizes.

Every object that a sentence of the video refers to is a target; whether the clip's own sentence refers to it is the
referring target. So a sentence of several objects refers to several, and one without target refers to none. The batch
axis is (clip, sentence): backbone and encoder run on all frames and sentences of a clip at once, the decoder follows
each sentence's tracks. Axes: t frames, o objects.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from msgspec import Meta
from safetensors.torch import save_file
from torch import Tensor

from baselines.layers.checkpoints.detector_checkpoint import start_from_deformable_detr
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.inference.track_streaming import TrackingDetector, sentence_ids
from baselines.layers.inputs.resize import shortest_edge_capped
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.text_encoder import Tokenizer
from baselines.layers.options import Count
from baselines.layers.training.clip_augmentation import (
    Compose,
    RandomResize,
    RandomSelect,
    RandomSizeCrop,
    normalized,
    resized,
)
from baselines.layers.training.clip_sampling import (
    Augmentation,
    ClipIndex,
    ClipSampler,
    ClipSentence,
    ClipTrainOptions,
    SampledClip,
    read_clip,
)
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
from mevis_bench.records.schedules import MultiStepSchedule
from mevis_bench.records.training import TrainingStage

Positive = Annotated[float, Meta(gt=0)]
NotNegative = Annotated[float, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class StartFiles:
    """Public files to start from, as paths; empty: seeded random weights, and a tokenizer of the training's words.

    Attributes:
        detector: Deformable DETR with iterative box refinement, COCO.
        roberta: ``model.safetensors`` of roberta-base.
        tokenizer: Its ``tokenizer.json``.
    """

    detector: str
    roberta: str
    tokenizer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions(ClipTrainOptions):
    """Options of a training, in addition to those of all trainings on clips; names as in the authors' scripts.

    Attributes:
        targets: ``per_object``: the trackers follow every object apart.
        size: Sizes of the network: the authors', or small ones.
        sampler_lengths: Frames of a clip. A clip ends with its video; the last frame of a shorter video repeats.
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
        start: Files to start from.
    """

    targets: Literal["per_object"]
    size: Literal["base", "mini"]
    sampler_lengths: Count
    sample_interval: Count
    scales: Annotated[tuple[Count, ...], Meta(min_length=1)]
    max_size: Count
    crop_scales: tuple[Count, ...]
    crop_sides: tuple[Count, Count]
    lr: Positive
    lr_backbone: Positive
    lr_linear_proj_mult: Positive
    lr_drop: Count
    weight_decay: NotNegative
    clip_max_norm: Positive
    freeze_pretrained: bool
    start: StartFiles


ForwardClip = Callable[[Sequence[EncodedLevels], Sequence[FrameTargets]], ClipOutputs]
"""Runs one sentence's decoder over a clip, from one memory and the targets per frame."""


def train_tracker(
    arguments: TrainingArguments, model: TrackingDetector, forward: ForwardClip, losses: TrackLossConfig
) -> None:
    """Train, or continue a training that was stopped, and write weights and tokenizer.

    Args:
        arguments: Its ``options`` are `TrackTrainOptions`.
        model: With seeded random weights.
        forward: Of the model.
        losses: Matching costs and weights.

    Raises:
        DataError: A file to start from does not fit.
    """
    options: TrackTrainOptions = arguments.options
    device, is_main = arguments.device, arguments.trainer.is_main_process
    vocabulary = model.config.text.vocab_size
    tokenizer = training_tokenizer(options.start.tokenizer, arguments.data, vocabulary, arguments.out, writes=is_main)
    if options.start.detector:
        start_from_deformable_detr(model, Path(options.start.detector))
    if options.start.roberta:
        load_roberta(model.text_encoder, Path(options.start.roberta))
    if options.freeze_pretrained:
        freeze_backbone(model)
    model.to(device)

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        return clip_losses(model, forward, tokenizer, clips, losses, device)

    sampler = clip_sampler(arguments, options)

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        with torch.random.fork_rng():
            torch.manual_seed(arguments.seed)
            values = [float(loss_fn([clip])["loss"]) for clip in validation_clips(arguments, options)]
        return {"loss": float(np.mean(values))} if values else {}

    stage = TrainingStage(
        name="tracker",
        module=model,
        groups=group_parameters(
            model,
            [
                GroupRule("backbone", lambda name: "backbone.0" in name, options.lr_backbone, options.weight_decay),
                GroupRule(
                    "points",
                    lambda name: "reference_points" in name or "sampling_offsets" in name,
                    options.lr * options.lr_linear_proj_mult,
                    options.weight_decay,
                ),
                GroupRule("others", every_parameter, options.lr, options.weight_decay),
            ],
        ),
        sample=sampler,
        sample_name=lambda clip: clip.name,
        loss_fn=loss_fn,
        steps=options.count_steps(len(sampler.index)),
        batch_size=options.batch_size,
        schedule=MultiStepSchedule(
            tuple(epoch / options.epochs for epoch in range(options.lr_drop, options.epochs, options.lr_drop))
        ),
        max_gradient_norm=options.clip_max_norm,
        save_every=options.save_every,
        evaluate=evaluate if options.val_videos else None,
        evaluate_every=options.evaluate_every,
    )
    arguments.trainer.fit(stage)
    if is_main:
        weights = {key: value.detach().cpu().clone() for key, value in model.state_dict().items()}
        save_file(weights, arguments.out / "model.safetensors", {"data_fingerprint": arguments.data.fingerprint})


def choose_frames(length: int, start: int, options: TrackTrainOptions) -> list[int]:
    """Choose a clip's frames from ``start`` on; past the end of the video its last frame repeats."""
    stop = start + options.sampler_lengths * options.sample_interval
    return [min(frame, length - 1) for frame in range(start, stop, options.sample_interval)]


def clip_sampler(arguments: TrainingArguments, options: TrackTrainOptions) -> ClipSampler:
    """Sampler of clips, each within one video."""
    span = (options.sampler_lengths - 1) * options.sample_interval
    index = ClipIndex(
        arguments.data,
        arguments.seed,
        options.sentences,
        lambda length: range(max(1, length - span)),
        no_target=options.no_target,
    )
    augment: Augmentation = RandomResize(options.scales, options.max_size)
    if options.crop_scales:
        crop = RandomSizeCrop(*options.crop_sides, clip_boxes=False)
        augment = RandomSelect(augment, Compose((RandomResize(options.crop_scales), crop, augment)))
    return ClipSampler(
        index, options.batch_size, lambda length, start, _: choose_frames(length, start, options), augment
    )


def validation_clips(arguments: TrainingArguments, options: TrackTrainOptions) -> Iterator[SampledClip]:
    """Yield the first clip of the first ``val_videos`` videos of the validation split, not augmented."""
    data = arguments.val_data
    for video_id in data.video_ids[: options.val_videos]:
        video, expressions = data.video(video_id), data.expressions(video_id)[: options.sentences]
        if expressions:
            clip = read_clip(data, video_id, choose_frames(len(video), 0, options), expressions)
            yield resized(clip, shortest_edge_capped(*clip.size, options.scales[-1], options.max_size))


def frame_targets(clip: SampledClip, sentence: ClipSentence) -> tuple[FrameTargets, ...]:
    """Targets of a sentence in each frame: the objects that the frame shows, and whether the sentence means them."""
    height, width = clip.size
    shown = clip.masks.any((-2, -1))
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


def clip_losses(
    model: TrackingDetector,
    forward: ForwardClip,
    tokenizer: Tokenizer,
    clips: Sequence[SampledClip],
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
        ids = [sentence_ids(model, tokenizer, sentence.text).to(device) for sentence in clip.sentences]
        memories = encode_clip(model, normalized(clip).to(device), ids)
        for sentence, encoded in zip(clip.sentences, memories, strict=True):
            targets = tuple(target.to(device) for target in frame_targets(clip, sentence))
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
