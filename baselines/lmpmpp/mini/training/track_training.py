"""Training of a clip module on the cached tracks of the common start (LMPM, DsHmp).

What these methods learn in their clip modules is learned alike: their losses, with the objects of frames given. The
frame losses are left out, because nothing in the frames learns. All sentences of a video go through the module
together. Axes: s sentences, t frames, k tracks, q trajectory queries, p points, n objects of a sentence, c channels.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor, nn

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.nn.clip_query_module import ClipQueryModule
from baselines.layers.options import Count, Fraction, Rate
from baselines.layers.training.clip_training import existing_file
from baselines.layers.training.point_set_criterion import PointOutputs, match_points, point_losses
from baselines.layers.training.set_criterion import Pairs
from baselines.layers.training.trajectory_criterion import TrajectoryConfig, same_object_loss
from baselines.layers.training.trajectory_recipe import decayed_groups
from baselines.lmpmpp.mini.common_start import SHIPPED, CommonStart, TrackedVideo
from baselines.lmpmpp.mini.track_segmenter import TrackNetwork, TrackSegmenter
from baselines.lmpmpp.mini.training.tracked_cache import TrackedClip, open_tracked_split
from mevis_bench.records import Prompt, TextPrompt, TrainingArguments, UsageError
from mevis_bench.records.schedules import MultiStepSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions:
    """Options of a training (``configs/train/lmpm-mini.yaml``, ``dshmp-mini.yaml``).

    Attributes:
        steps: Optimizer steps.
        batch_size: Videos per step.
        sentences: Upper bound of a video's sentences that are seen together.
        base_lr: Learning rate.
        weight_decay: Of all parameters but norms and embeddings.
        milestones: Shares of the training, 0..1, after which the rate is divided by ten.
        clip_value: Largest norm of the whole gradient.
        losses: Matching costs and weights. Of the points per frame, half are on objects, and half anywhere.
        start: Weights of LMPM++ mini, of which the common start is taken; ``None``: those that are shipped.
        val_videos: Videos of the validation split that are evaluated; 0: no evaluation.
        evaluate_every: Steps between two evaluations.
        log_every: Steps between two points of the loss curve.
        save_every: Steps between two checkpoints.
    """

    steps: Count
    batch_size: Count
    sentences: Count
    base_lr: Rate
    weight_decay: Rate
    milestones: tuple[Fraction, ...]
    clip_value: Rate
    losses: TrajectoryConfig
    start: str | None
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    log_every: Count
    save_every: Count


@dataclass(frozen=True, slots=True, eq=False)
class PromptedClip:
    """A sample.

    Attributes:
        clip: A video.
        prompts: ``s`` of its sentences.
        referred: Indices of the objects of each; none: no target.
        points: Frame, row and column of each point, int64 ``(3, p)``.
    """

    clip: TrackedClip
    prompts: tuple[Prompt, ...]
    referred: tuple[tuple[int, ...], ...]
    points: Tensor


class TrainedTrackNetwork(TrackNetwork, Protocol):
    """Interface of the networks in training."""

    @property
    def vita_module(self) -> ClipQueryModule[Any]:
        """The clip module."""
        ...

    def encode(self, video: TrackedVideo, read: Any) -> tuple[Tensor, Any]:
        """Encode the tracks for sentences: tokens ``(s, t, k, c)``, and what the layers need of the sentences."""
        ...

    def layers(self, encoded: Tensor, sentence: Any) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield queries ``(s, q, c)``, class logits ``(s, q, 2)`` and mask embeddings ``(s, q, c)`` of every layer."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ClipPass:
    """A clip's sentences after the network.

    Attributes:
        losses: Of set prediction, before weighting.
        similarity: LMPM's similarity loss.
        queries: Of the last layer ``(s, q, c)``.
        pairs: Matched queries of the last layer, by sentence.
    """

    losses: Mapping[str, Tensor]
    similarity: Tensor
    queries: Tensor
    pairs: Sequence[Pairs]


def load_start(options: TrackTrainOptions, device: str) -> CommonStart:
    """Load the common start of a training.

    Raises:
        MissingWeightsError: Its file is missing.
        DataError: It is not LMPM++ mini's.
    """
    path = existing_file(options.start, "start") if options.start else SHIPPED
    return CommonStart.load(path).to(device)


def train_on_tracks(
    arguments: TrainingArguments,
    start: CommonStart,
    network: TrainedTrackNetwork,
    training: nn.Module,
    threshold: float,
    loss_fn: Callable[[list[PromptedClip]], Mapping[str, Tensor]],
) -> None:
    """Train, or continue a training that was stopped, and write the network's weights in half precision.

    Args:
        arguments: Of the training; its options are ``TrackTrainOptions``.
        start: The common start, on the device of the training.
        network: The network.
        training: The network, or a module that holds it and what else a resumed training needs.
        threshold: Of the scores in evaluations.
        loss_fn: Losses of some clips.

    Raises:
        DataError: The videos of the split differ in size.
        UsageError: The split has no sentence.
    """
    options: TrackTrainOptions = arguments.options
    split = open_tracked_split(start, arguments)
    numbers = [number for number, video in enumerate(split.videos) if video.sentences]
    if not numbers:
        raise UsageError("the split has no sentence")

    def sample(rng: np.random.Generator, position: SamplePosition) -> PromptedClip:
        return draw_prompts(split.clip(numbers[int(rng.integers(len(numbers)))]), options, rng)

    segmenter = TrackSegmenter(start, network, threshold, arguments.device)
    stage = TrainingStage(
        name="clip module",
        module=training,
        groups=decayed_groups(training, options.base_lr, options.weight_decay),
        sample=sample,
        sample_name=lambda prompted: prompted.clip.id,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.batch_size,
        schedule=MultiStepSchedule(options.milestones),
        max_gradient_norm=options.clip_value,
        log_every=options.log_every,
        save_every=options.save_every,
        evaluate=(lambda: arguments.evaluate(segmenter, options.val_videos)) if options.val_videos else None,
        evaluate_every=options.evaluate_every,
        best_metric="J&F" if options.val_videos else None,
    )
    arguments.trainer.fit(stage)
    if arguments.trainer.is_main_process:
        assert isinstance(network, nn.Module)
        tensors = {name: value.half() for name, value in network.state_dict().items()}
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights(tensors, arguments.out / "mini.safetensors", metadata)


def draw_prompts(clip: TrackedClip, options: TrackTrainOptions, rng: np.random.Generator) -> PromptedClip:
    """Draw some sentences of a video, and the points at which its masks are compared."""
    order = rng.permutation(len(clip.sentences))[: options.sentences]
    sentences = [clip.sentences[int(number)] for number in order]
    labels = clip.labels.numpy()
    half = options.losses.train_num_points * len(labels) // 2
    places = [rng.integers(labels.size, size=half)]
    objects = np.flatnonzero(labels)
    places.append(rng.choice(objects, half) if len(objects) else rng.integers(labels.size, size=half))
    points = np.stack(np.unravel_index(np.concatenate(places), labels.shape))
    return PromptedClip(
        clip,
        tuple(TextPrompt(sentence.id, sentence.text) for sentence in sentences),
        tuple(sentence.objects for sentence in sentences),
        torch.from_numpy(points),
    )


def run_clip(
    network: TrainedTrackNetwork, prompted: PromptedClip, read: Any, config: TrajectoryConfig, device: str
) -> ClipPass:
    """Run a clip's sentences and compute what LMPM and DsHmp learn from alike.

    Args:
        network: On ``device``.
        prompted: The clip.
        read: Its sentences by ``network.read``.
        config: Matching costs and weight of "no object".
        device: Torch device.
    """
    video, (frame, row, column) = prompted.clip.video.to(device), prompted.points
    encoded, sentence = network.encode(video, read)
    fine = network.mask_features(video.fine[frame, :, row, column].float()[..., None, None])[..., 0, 0]
    layers = list(network.layers(encoded, sentence))
    outputs = [PointOutputs(logits, embeddings @ fine.T) for _, logits, embeddings in layers]
    shown = torch.unique(prompted.clip.labels).tolist()
    objects = [[number for number in referred if number + 1 in shown] for referred in prompted.referred]
    labels = prompted.clip.labels[frame, row, column].to(device)
    targets = [
        torch.stack([labels == number + 1 for number in numbers]).float() if numbers else fine.new_zeros(0, len(labels))
        for numbers in objects
    ]
    pairs = [match_points(layer, targets, config) for layer in outputs]
    losses = point_losses(outputs, targets, pairs, config)
    queries = layers[-1][0]
    similarity = track_similarity(network.vita_module, prompted.clip, encoded, queries, objects, pairs[-1])
    return ClipPass(losses, similarity, queries, pairs[-1])


def track_similarity(
    module: ClipQueryModule[Any],
    clip: TrackedClip,
    encoded: Tensor,
    queries: Tensor,
    objects: Sequence[Sequence[int]],
    pairs: Sequence[Pairs],
) -> Tensor:
    """LMPM's similarity loss: a sentence's pool has its matched queries and the tokens of the tracks of its objects.

    Args:
        module: For its projections.
        clip: A video.
        encoded: Tokens ``(s, t, k, c)``.
        queries: Of the last layer ``(s, q, c)``.
        objects: Objects of each sentence.
        pairs: Their matched queries.
    """
    tokens, queries = module.sim_embed_frame(encoded), module.sim_embed_clip(queries)
    present = clip.video.tokens.any(-1).to(encoded.device)
    followed = (clip.track_objects.long() - 1).tolist()
    total, count = tokens.new_zeros(()), 0
    for row, (numbers, (matched, columns)) in enumerate(zip(objects, pairs, strict=True)):
        pool, ids = [queries[row, matched]], [torch.tensor(numbers, dtype=torch.long, device=tokens.device)[columns]]
        for track, number in enumerate(followed):
            if number in numbers:
                pool.append(tokens[row, present[:, track], track])
                ids.append(torch.full((len(pool[-1]),), number, device=tokens.device))
        members = torch.cat(ids)
        total = total + same_object_loss(torch.cat(pool), members)
        count += len(members) ** 2
    return total / (count + 1e-6)


def mean_losses(parts: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Mean of each loss over clips; all have the same losses."""
    means: dict[str, Tensor] = {}
    for part in parts:
        for name, value in part.items():
            means[name] = means[name] + value / len(parts) if name in means else value / len(parts)
    return means
