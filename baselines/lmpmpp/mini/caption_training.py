"""Training of captioners on the common start of the mini variants: sentences about trajectories.

Axes: b target sets, k sentences of each, t parts of a video, o target objects, c channels of their tokens.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta
from torch import Tensor

from baselines.layers.inputs.target_sets import target_sets
from baselines.layers.options import Count, Rate
from baselines.layers.training.caption_training import BEST_METRIC, method_evaluation
from baselines.layers.training.parameter_groups import group_by_shape
from baselines.lmpmpp.mini.caption_start import Describer, TrackCaptioner, encode_tracks, target_tokens
from baselines.lmpmpp.mini.common_start import SHIPPED, CommonStart
from mevis_bench.records import TrainingArguments, TrainingData, UsageError
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions:
    """Options that the trainings share; a cosine to 0 follows the warm-up.

    Attributes:
        steps: Optimizer steps.
        batch_size: Target sets per step, over all processes.
        sentences: Sentences about each, drawn with repetition.
        lr: Peak learning rate.
        warm_up: Steps of the warm-up.
        weight_decay: Of the matrices.
        val_videos: Videos of the validation split on which the loss and the task's metrics are measured, as in the
            trainings on frames.
        evaluate_every: Steps between two evaluations.
        save_every: Steps between two checkpoints.
        log_every: Steps between two points of the loss curve.
    """

    steps: Count
    batch_size: Count
    sentences: Count
    lr: Rate
    warm_up: Annotated[int, Meta(ge=0)]
    weight_decay: Rate
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    save_every: Count
    log_every: Count


@dataclass(frozen=True, slots=True, eq=False)
class DescribedTracks:
    """A target set with some of the sentences about it.

    Attributes:
        name: Video and expression, for messages.
        tokens: Of the targets, ``(t, o, c)``.
        sentences: ``k`` of them.
    """

    name: str
    tokens: Tensor
    sentences: tuple[str, ...]


class DescribedSplit:
    """The target sets of a split with their tokens; a video is tracked when it is first needed, and remembered.

    Args:
        data: The split.
        start: The common start, on ``device``.
        parts: t.
        device: A torch device string.
    """

    def __init__(self, data: TrainingData, start: CommonStart, parts: int, device: str) -> None:
        self._data, self._start, self._parts, self._device = data, start, parts, device
        self._tokens: dict[str, list[Tensor]] = {}

    def draw(self, video_id: str, row: int, count: int, rng: np.random.Generator) -> DescribedTracks:
        """Draw ``count`` of the sentences of target set ``row`` of a video."""
        sets = target_sets(self._data, video_id)
        if video_id not in self._tokens:
            tracks = encode_tracks(self._start, self._data.video(video_id), self._device)
            self._tokens[video_id] = [target_tokens(tracks, target, self._parts).cpu() for target, _ in sets]
        target, texts = sets[row]
        sentences = tuple(str(text) for text in rng.choice(texts, count))
        return DescribedTracks(f"{video_id}/{target.id}", self._tokens[video_id][row], sentences)


def fit_tracks(
    arguments: TrainingArguments,
    options: TrackTrainOptions,
    name: str,
    captioner: Describer,
    parts: int,
    losses: Callable[[Tensor, Sequence[str]], dict[str, Tensor]],
    max_gradient_norm: float | None = None,
) -> None:
    """Train, or continue a training that was stopped, on the shipped common start.

    Args:
        arguments: Of the training.
        options: Of the training.
        name: Of the method, for errors.
        captioner: What is trained, on the device, with its decoding.
        parts: t.
        losses: Losses from tokens ``(b, t, 1, o, c)`` and ``k * b`` sentences: one about each set, then the next one
            about each.
        max_gradient_norm: Largest norm of the whole gradient; ``None``: not clipped.

    Raises:
        UsageError: No sentence of the split has a target.
        MevisBenchError: There are evaluations, and no Java.
    """
    network = captioner.network
    start = CommonStart.load(SHIPPED).to(arguments.device)
    method = TrackCaptioner(name, captioner, start, parts, arguments.device)
    evaluated = method_evaluation(arguments, method, options.val_videos)
    split = DescribedSplit(arguments.data, start, parts, arguments.device)
    held_out = DescribedSplit(arguments.val_data, start, parts, arguments.device)
    sets = {video_id: len(target_sets(arguments.data, video_id)) for video_id in arguments.data.video_ids}
    units = [(video_id, row) for video_id, count in sets.items() for row in range(count)]
    if not units:
        raise UsageError("no sentence of the split has a target")

    def sample(rng: np.random.Generator, position: SamplePosition) -> DescribedTracks:
        return split.draw(*units[int(rng.integers(len(units)))], options.sentences, rng)

    def loss_fn(batch: list[DescribedTracks]) -> dict[str, Tensor]:
        tokens = torch.stack([described.tokens for described in batch])[:, :, None].to(arguments.device)
        texts = [described.sentences[number] for number in range(options.sentences) for described in batch]
        return losses(tokens, texts)

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        rng = np.random.default_rng(arguments.seed)
        values = [
            float(loss_fn([held_out.draw(video_id, row, options.sentences, rng)])["loss"])
            for video_id in arguments.val_data.video_ids[: options.val_videos]
            for row in range(len(target_sets(arguments.val_data, video_id)))
        ]
        assert evaluated is not None
        return {**({"loss": float(np.mean(values))} if values else {}), **evaluated()}

    arguments.trainer.fit(
        TrainingStage(
            name="captions",
            module=network,
            groups=group_by_shape(network, options.lr, options.weight_decay),
            sample=sample,
            sample_name=lambda described: described.name,
            loss_fn=loss_fn,
            steps=options.steps,
            batch_size=options.batch_size,
            schedule=WarmupCosineSchedule(options.warm_up),
            max_gradient_norm=max_gradient_norm,
            save_every=options.save_every,
            log_every=options.log_every,
            evaluate=None if evaluated is None else evaluate,
            evaluate_every=options.evaluate_every,
            best_metric=None if evaluated is None else BEST_METRIC,
        )
    )
