"""Training of GIT (``mevis-bench train --method git``): sentences about highlighted targets.

Wang et al., "GIT: A Generative Image-to-text Transformer for Vision and Language", TMLR 2022. A step sees some target
sets and several sentences about each; a set's frames are encoded once for all of its sentences. Axes: b target sets,
k sentences of each, t frames.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from msgspec import Meta
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import GitForCausalLM

from baselines.git.losses import LossConfig, build_targets, caption_logits, compute_losses, total_loss
from baselines.git.method import SIDE
from baselines.git.network import FRAMES, build, load_network
from baselines.git.options import Options
from baselines.layers.checkpoints.sharded_checkpoint import SINGLE
from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square, sample_frames
from baselines.layers.inputs.bert_vocabulary import VOCABULARY_FILE, open_vocabulary, word_vocabulary
from baselines.layers.inputs.mirror import mirror
from baselines.layers.inputs.target_sets import target_sets
from baselines.layers.options import Count, Fraction, Rate
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from mevis_bench.records import HighlightedVideo, TrainingArguments, TrainingData, UsageError
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import SamplePosition, TrainingStage


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """Options of a training (``configs/train/git-*.yaml``).

    Attributes:
        steps: Optimizer steps.
        batch_size: Target sets per step, over all processes.
        sentences: Sentences about each, drawn with repetition.
        random_frames: Whether a frame is drawn from each of six equal segments; else it is the middle.
        flip: Share of the videos that are mirrored, left and right exchanged in their sentences.
        lr_image_encoder: Peak learning rate of the image encoder.
        lr_text_decoder: Of everything else.
        warm_up: Steps of the warm-up; a cosine to 0 follows.
        weight_decay: Of all parameters.
        losses: Smoothing, weight, and length of the sentences.
        val_videos: Videos of the validation split on which the loss is measured.
        evaluate_every: Steps between two evaluations.
        save_every: Steps between two checkpoints.
        log_every: Steps between two points of the loss curve.
        start: Folder of weights to start from, as microsoft/git-base-vatex; ``None``: seeded random weights, and the
            words of the training's sentences.
    """

    steps: Count
    batch_size: Count
    sentences: Count
    random_frames: bool
    flip: Fraction
    lr_image_encoder: Rate
    lr_text_decoder: Rate
    warm_up: Annotated[int, Meta(ge=0)]
    weight_decay: Rate
    losses: LossConfig
    val_videos: Annotated[int, Meta(ge=0)]
    evaluate_every: Count
    save_every: Count
    log_every: Count
    start: str | None


OPTIONS = {"large-vatex": TrainOptions, "base-vatex": TrainOptions, "mini": TrainOptions}


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


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write a folder of weights, ``git-<variant>``.

    Raises:
        UsageError: No sentence of the split has a target.
        DataError: The folder to start from does not fit.
    """
    options: TrainOptions = arguments.options
    variant: Options = arguments.method_options
    device, is_main = arguments.device, arguments.trainer.is_main_process
    units = _units(arguments.data)
    network, vocabulary = _build(arguments, options, variant)
    folder = arguments.out / f"git-{arguments.variant}"
    if is_main:
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary.save(str(folder / VOCABULARY_FILE))
    nn.Module.to(network, device)
    square = Square(SIDE, variant.fit)
    view = Highlight.from_options(variant), CaptionView(FRAMES, square, close_ups=variant.close_ups)

    def sample(rng: np.random.Generator, position: SamplePosition) -> DescribedTargets:
        video_id, row = units[int(rng.integers(len(units)))]
        return draw_targets(arguments.data, video_id, row, *view, options, rng)

    def loss_fn(batch: list[DescribedTargets]) -> dict[str, Tensor]:
        frames = square.normalize(np.stack([targets.frames for targets in batch])).to(device)
        texts = [targets.sentences[number] for number in range(options.sentences) for targets in batch]
        return caption_losses(network, vocabulary, frames, texts, options.losses)

    plain = replace(options, flip=0.0, random_frames=False)

    @torch.no_grad()
    def evaluate() -> dict[str, float]:
        rng = np.random.default_rng(arguments.seed)
        values = [
            float(loss_fn([draw_targets(arguments.val_data, video_id, row, *view, plain, rng)])["loss"])
            for video_id in arguments.val_data.video_ids[: options.val_videos]
            for row in range(len(target_sets(arguments.val_data, video_id)))
        ]
        return {"loss": float(np.mean(values))} if values else {}

    stage = TrainingStage(
        name="captions",
        module=network,
        groups=group_parameters(
            network,
            [
                GroupRule("image encoder", _is_visual, options.lr_image_encoder, options.weight_decay),
                GroupRule("text decoder", every_parameter, options.lr_text_decoder, options.weight_decay),
            ],
        ),
        sample=sample,
        sample_name=lambda targets: targets.name,
        loss_fn=loss_fn,
        steps=options.steps,
        batch_size=options.batch_size,
        schedule=WarmupCosineSchedule(options.warm_up),
        save_every=options.save_every,
        log_every=options.log_every,
        evaluate=evaluate if options.val_videos else None,
        evaluate_every=options.evaluate_every,
    )
    arguments.trainer.fit(stage)
    if is_main:
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights(network.state_dict(), folder / SINGLE, metadata)


def _units(data: TrainingData) -> list[tuple[str, int]]:
    """Return every target set of a split: its video and its place among the video's."""
    units = [(video_id, row) for video_id in data.video_ids for row in range(len(target_sets(data, video_id)))]
    if not units:
        raise UsageError("no sentence of the split has a target")
    return units


def _build(arguments: TrainingArguments, options: TrainOptions, variant: Options) -> tuple[GitForCausalLM, Tokenizer]:
    """Return network and vocabulary: those of ``options.start``, else random weights and the words of the split."""
    torch.manual_seed(arguments.seed)
    if options.start:
        network = load_network(Path(options.start), variant.size, dtype=torch.float32, device="cpu")
        return network, open_vocabulary(Path(options.start) / VOCABULARY_FILE)
    network = build(variant.size)
    texts = (e.text for video_id in arguments.data.video_ids for e in arguments.data.expressions(video_id))
    return network, word_vocabulary(texts, network.config.vocab_size)


def _is_visual(name: str) -> bool:
    return name.startswith("git.image_encoder.")


def draw_targets(
    data: TrainingData,
    video_id: str,
    row: int,
    highlight: Highlight,
    view: CaptionView,
    options: TrainOptions,
    rng: np.random.Generator,
) -> DescribedTargets:
    """Draw frames of a target set and sentences about it.

    Args:
        data: The split.
        video_id: The video.
        row: Number of the target set in `target_sets`.
        highlight: Color of the targets.
        view: Preprocessing.
        options: For frames, mirroring and the number of sentences.
        rng: Source of all random choices.
    """
    target, texts = target_sets(data, video_id)[row]
    video = HighlightedVideo.of(data.video(video_id), target, highlight.color, highlight.alpha)
    indices = sample_frames(len(video), FRAMES)
    if options.random_frames:
        edges = np.linspace(0, len(video), FRAMES + 1)
        indices = [min(len(video) - 1, int(rng.uniform(*pair))) for pair in itertools.pairwise(edges)]
    frames = np.stack([view.square.resize(view.look(video, *pair)[0]) for pair in enumerate(indices)])
    sentences = [str(text) for text in rng.choice(texts, options.sentences)]
    if rng.random() < options.flip:
        frames, sentences = frames[:, :, ::-1], [mirror(text) for text in sentences]
    return DescribedTargets(f"{video_id}/{target.id}", np.ascontiguousarray(frames), tuple(sentences))


def caption_losses(
    network: GitForCausalLM, vocabulary: Tokenizer, frames: Tensor, texts: Sequence[str], config: LossConfig
) -> dict[str, Tensor]:
    """Losses of sentences by teacher forcing, ``loss`` and ``loss_caption``.

    Args:
        network: The network.
        vocabulary: Its vocabulary.
        frames: Normalized, ``(b, t, 3, side, side)``.
        texts: ``k * b`` sentences: one about each video, then the next one about each.
        config: Smoothing, weight and longest sentence.
    """
    captions = [vocabulary.encode(text, add_special_tokens=False).ids for text in texts]
    targets = build_targets(captions, config).to(frames.device)
    losses = compute_losses(caption_logits(network, frames, targets.ids), targets, config)
    return {"loss": total_loss(losses, config), **losses}
