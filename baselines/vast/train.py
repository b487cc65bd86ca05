"""Training of VAST (``mevis-bench train --method vast``): sentences about highlighted targets.

Chen et al., "VAST", NeurIPS 2023; the authors' recipe for captions of MSRVTT is ``configs/train/vast-captioner.yaml``.
"""

from dataclasses import dataclass

import torch

from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight
from baselines.layers.options import Rate
from baselines.layers.training.caption_training import (
    CaptionStage,
    CaptionTrainOptions,
    fit_captions,
    open_or_collect_words,
    save_captioner,
)
from baselines.layers.training.clip_training import existing_file
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from baselines.vast.checkpoint import load_network
from baselines.vast.config import SIZES
from baselines.vast.losses import LossConfig, caption_losses
from baselines.vast.method import VastCaptioner, sample_frames, square
from baselines.vast.model import Vast
from baselines.vast.options import Options
from baselines.vast.track_train import TrackTrainOptions, train_on_tracks
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(CaptionTrainOptions):
    """Options of a training (``configs/train/vast-*.yaml``); a cosine to 0 follows the warm-up.

    Attributes:
        lr: Peak learning rate of the decoder and the glue.
        clip_lr: Of the vision encoder.
        max_norm: Largest norm of the whole gradient.
        losses: Share of predicted tokens, weight, and length of the sentences.
        checkpoint: The authors' file to start from; ``None``: seeded random weights.
        vocabulary: BERT's ``tokenizer.json``; ``None``: the words of the training's sentences.
    """

    lr: Rate
    clip_lr: Rate
    max_norm: Rate
    losses: LossConfig
    checkpoint: str | None
    vocabulary: str | None


OPTIONS = {"captioner": TrainOptions, "mini": TrackTrainOptions, "scratch": TrainOptions}

BETAS = (0.9, 0.98)


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write weights and vocabulary.

    Raises:
        UsageError: No sentence of the split has a target.
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
    """
    variant: Options = arguments.method_options
    if SIZES[variant.size].tracks:
        train_on_tracks(arguments)
        return
    options: TrainOptions = arguments.options
    torch.manual_seed(arguments.seed)
    sizes = SIZES[variant.size]
    if options.checkpoint is None:
        network = Vast(sizes)
    else:
        network = load_network(existing_file(options.checkpoint, "checkpoint"), sizes)
    vocabulary = open_or_collect_words(arguments.data, options.vocabulary, sizes.words)
    network.to(arguments.device)
    rules = [
        GroupRule(
            "vision encoder", lambda name: name.startswith("vision_encoder."), options.clip_lr, options.weight_decay
        ),
        GroupRule("decoder", every_parameter, options.lr, options.weight_decay),
    ]
    view = CaptionView(variant.frames, square(variant.size, variant.fit), sample_frames)
    highlight = Highlight.from_options(variant)
    captioner = VastCaptioner(network, vocabulary, variant, arguments.device)
    stage = CaptionStage(
        network=network,
        groups=group_parameters(network, rules),
        view=view,
        highlight=highlight,
        losses=lambda frames, texts: caption_losses(network, vocabulary, frames, texts, options.losses),
        schedule=WarmupCosineSchedule(options.warm_up),
        betas=BETAS,
        max_gradient_norm=options.max_norm,
        method=CaptionMethod("VAST", captioner, view, highlight),
    )
    fit_captions(arguments, options, stage)
    save_captioner(arguments, network, vocabulary, f"vast_{arguments.variant}")
