"""Training of captioners: sentences about highlighted targets.

A step sees some target sets and several sentences about each; a set's frames are encoded once for all of its sentences.
Axes: b target sets, k sentences of each, t frames.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.caption_view import CaptionView, Highlight, sample_frames
from baselines.layers.inputs.bert_vocabulary import open_vocabulary, word_vocabulary
from baselines.layers.inputs.mirror import mirror
from baselines.layers.inputs.target_sets import target_sets
from baselines.layers.options import Count, Fraction, Rate
from baselines.layers.training.clip_training import existing_file
from mevis_bench.records import HighlightedVideo, Method, TrainingArguments, TrainingData, UsageError
from mevis_bench.records.schedules import Schedule
from mevis_bench.records.training import ParameterGroup, SamplePosition, TrainingStage

BEST_METRIC = "CIDEr"
"""Metric of which the best evaluation is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionTrainOptions:
    """Options that the trainings of captioners share.

    Attributes:
        steps: Optimizer steps.
        batch_size: Target sets per step, over all processes.
        sentences: Sentences about each, drawn with repetition.
        random_frames: Whether a frame is drawn from each of equal segments; else it is the middle.
        flip: Share of the videos that are mirrored, left and right exchanged in their sentences.
        warm_up: Steps of the warm-up.
        weight_decay: Of all parameters.
        val_videos: Videos of the validation split on which the loss and the task's metrics are measured; with some, the
            weights are those of the best CIDEr. METEOR and CIDEr require Java; 0: those of the last step, without it.
        evaluate_every: Steps between two evaluations.
        save_every: Steps between two checkpoints.
        log_every: Steps between two points of the loss curve.
    """

    steps: Count
    batch_size: Count
    sentences: Count
    random_frames: bool
    flip: Fraction
    warm_up: Annotated[int, Meta(ge=0)]
    weight_decay: Rate
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    save_every: Count
    log_every: Count


@dataclass(frozen=True, slots=True, eq=False)
class DescribedTargets:
    """A target set with some of the sentences about it.

    Attributes:
        name: Video and expression, for messages.
        frames: Highlighted, uint8 ``(t, side, side, 3)``.
        sentences: ``k`` of them.
    """

    name: str
    frames: NDArray[np.uint8]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class CaptionStage:
    """A method's part of a training.

    Attributes:
        network: What is trained.
        groups: Its trained parameters.
        view: Frames that are sampled, and their preprocessing.
        highlight: Color of the targets.
        losses: Losses from normalized frames ``(b, t, 3, side, side)`` and ``k * b`` sentences: one about each set,
            then the next one about each.
        schedule: Factor on all rates.
        betas: Of AdamW.
        max_gradient_norm: Largest norm of the whole gradient; ``None``: not clipped.
        name: Of the stage.
        topics: Caption of each video in place of its sentences; ``None``: the sentences.
        method: The network as a method, for evaluations; ``None``: it is not evaluated.
        accumulation: Micro-batches per process and step.
        precision: Data type of the network.
    """

    network: nn.Module
    groups: Sequence[ParameterGroup]
    view: CaptionView
    highlight: Highlight
    losses: Callable[[Tensor, Sequence[str]], dict[str, Tensor]]
    schedule: Schedule
    betas: tuple[float, float] = (0.9, 0.999)
    max_gradient_norm: float | None = None
    name: str = "captions"
    topics: Mapping[str, str] | None = None
    method: Method | None = None
    accumulation: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"


def training_sentences(data: TrainingData) -> Iterator[str]:
    """Return all sentences of a split."""
    return (expression.text for video_id in data.video_ids for expression in data.expressions(video_id))


def open_or_collect_words(data: TrainingData, file: str | None, words: int) -> Tokenizer:
    """Open BERT's ``tokenizer.json`` or, where it is ``None``, make a vocabulary of the split's most frequent words.

    Raises:
        MissingWeightsError: There is no such file.
        DataError: It is no such vocabulary.
    """
    if file is None:
        return word_vocabulary(training_sentences(data), words)
    return open_vocabulary(existing_file(file, "vocabulary"))


def save_captioner(arguments: TrainingArguments, network: nn.Module, vocabulary: Tokenizer, name: str) -> None:
    """Write ``<name>.safetensors`` and ``<name>_tokenizer.json``, in the main process only."""
    if not arguments.trainer.is_main_process:
        return
    metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
    tensors = {key: value.clone() for key, value in network.state_dict().items()}  # words have two names
    save_weights(tensors, arguments.out / f"{name}.safetensors", metadata)
    vocabulary.save(str(arguments.out / f"{name}_tokenizer.json"))


def fit_captions(arguments: TrainingArguments, options: CaptionTrainOptions, stage: CaptionStage) -> None:
    """Train, or continue a training that was stopped.

    Raises:
        UsageError: No sentence of the split has a target.
        MevisBenchError: There are evaluations, and no Java.
    """
    device = arguments.device
    evaluated = method_evaluation(arguments, stage.method, options.val_videos)
    units = _units(arguments.data)

    def sample(rng: np.random.Generator, position: SamplePosition) -> DescribedTargets:
        video_id, row = units[int(rng.integers(len(units)))]
        drawn = draw_targets(arguments.data, video_id, row, stage, options, rng)
        if stage.topics is None:
            return drawn
        return replace(drawn, sentences=(stage.topics[video_id],) * options.sentences)

    def loss_fn(batch: list[DescribedTargets]) -> dict[str, Tensor]:
        frames = stage.view.square.normalize(np.stack([targets.frames for targets in batch])).to(device)
        texts = [targets.sentences[number] for number in range(options.sentences) for targets in batch]
        return stage.losses(frames, texts)

    plain = replace(options, flip=0.0, random_frames=False)

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        rng = np.random.default_rng(arguments.seed)
        values = [
            float(loss_fn([draw_targets(arguments.val_data, video_id, row, stage, plain, rng)])["loss"])
            for video_id in arguments.val_data.video_ids[: options.val_videos]
            for row in range(len(target_sets(arguments.val_data, video_id)))
        ]
        assert evaluated is not None
        return {**({"loss": float(np.mean(values))} if values else {}), **evaluated()}

    arguments.trainer.fit(
        TrainingStage(
            name=stage.name,
            module=stage.network,
            groups=stage.groups,
            sample=sample,
            sample_name=lambda targets: targets.name,
            loss_fn=loss_fn,
            steps=options.steps,
            batch_size=options.batch_size,
            schedule=stage.schedule,
            betas=stage.betas,
            max_gradient_norm=stage.max_gradient_norm,
            accumulation=stage.accumulation,
            precision=stage.precision,
            save_every=options.save_every,
            log_every=options.log_every,
            evaluate=None if evaluated is None else evaluate,
            evaluate_every=options.evaluate_every,
            best_metric=None if evaluated is None else BEST_METRIC,
        )
    )


def method_evaluation(
    arguments: TrainingArguments, method: Method | None, videos: int
) -> Callable[[], Mapping[str, float]] | None:
    """Return the evaluation of a captioner on the first ``videos`` videos; ``None`` where there is nothing to evaluate.

    Raises:
        MevisBenchError: There is no Java.
    """
    if method is None or videos == 0:
        return None
    arguments.evaluate(method, 0)  # what is not installed is missed here, not after the first thousand steps
    return partial(arguments.evaluate, method, videos)


def _units(data: TrainingData) -> list[tuple[str, int]]:
    """Return every target set of a split: its video and its place among the video's."""
    units = [(video_id, row) for video_id in data.video_ids for row in range(len(target_sets(data, video_id)))]
    if not units:
        raise UsageError("no sentence of the split has a target")
    return units


def draw_targets(
    data: TrainingData,
    video_id: str,
    row: int,
    stage: CaptionStage,
    options: CaptionTrainOptions,
    rng: np.random.Generator,
) -> DescribedTargets:
    """Draw frames of a target set and sentences about it.

    Args:
        data: The split.
        video_id: The video.
        row: Number of the target set in `target_sets`.
        stage: For the highlight, and number and preprocessing of the frames.
        options: For frames, mirroring and the number of sentences.
        rng: Source of all random choices.
    """
    target, texts = target_sets(data, video_id)[row]
    video = HighlightedVideo.of(data.video(video_id), target, stage.highlight.color, stage.highlight.alpha)
    view, count = stage.view, stage.view.frames
    indices = sample_frames(len(video), count)
    if options.random_frames:
        edges = np.linspace(0, len(video), count + 1)
        indices = [min(len(video) - 1, int(rng.uniform(*pair))) for pair in itertools.pairwise(edges)]
    frames = np.stack([view.square.resize(view.look(video, *pair)[0]) for pair in enumerate(indices)])
    sentences = [str(text) for text in rng.choice(texts, options.sentences)]
    if rng.random() < options.flip:
        frames, sentences = frames[:, :, ::-1], [mirror(text) for text in sentences]
    return DescribedTargets(f"{video_id}/{target.id}", np.ascontiguousarray(frames), tuple(sentences))
