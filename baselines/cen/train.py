"""Training of CEN (``mevis-bench train --method cen``): sentences about highlighted targets.

Nadeem et al., "NarrativeBridge", ICLR 2025; the authors' recipe for their second stage is
``configs/train/cen-clip-b32.yaml``. Their first stage, CLIP tuned on sentences of causes and of effects, has no data
here.
"""

from dataclasses import dataclass

import torch

from baselines.cen.checkpoint import load_clip
from baselines.cen.config import SIZES
from baselines.cen.losses import LossConfig, caption_losses
from baselines.cen.method import CenSentences, sample_frames
from baselines.cen.model import CenCaptioner
from baselines.cen.options import Options
from baselines.cen.track_train import TrackTrainOptions, train_on_tracks
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
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
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(CaptionTrainOptions):
    """Options of a training (``configs/train/cen-*.yaml``); a cosine to 0 follows the warm-up.

    Attributes:
        lr: Peak learning rate.
        max_norm: Largest norm of the whole gradient.
        losses: Length of the sentences.
        clip: CLIP's file; its encoder is not trained then. ``None``: a seeded random one, which is.
        vocabulary: BERT's ``tokenizer.json``; ``None``: the words of the training's sentences.
    """

    lr: Rate
    max_norm: Rate
    losses: LossConfig
    clip: str | None
    vocabulary: str | None


OPTIONS = {"clip-b32": TrainOptions, "mini": TrackTrainOptions, "scratch": TrainOptions}


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
    network = CenCaptioner(sizes)
    if options.clip is not None:
        load_clip(network, existing_file(options.clip, "clip"))
        network.frame_encoder.requires_grad_(False)
    vocabulary = open_or_collect_words(arguments.data, options.vocabulary, sizes.words)
    network.to(arguments.device)
    view = CaptionView(variant.frames, Square(sizes.side, variant.fit), sample_frames)
    highlight = Highlight.from_options(variant)
    captioner = CenSentences(network, vocabulary, variant, arguments.device)
    stage = CaptionStage(
        network=network,
        groups=group_parameters(network, [GroupRule("all", every_parameter, options.lr, options.weight_decay)]),
        view=view,
        highlight=highlight,
        losses=lambda frames, texts: caption_losses(network, vocabulary, frames, texts, options.losses),
        schedule=WarmupCosineSchedule(options.warm_up),
        max_gradient_norm=options.max_norm,
        method=CaptionMethod("CEN", captioner, view, highlight),
    )
    fit_captions(arguments, options, stage)
    name = "cen" if arguments.variant == "clip-b32" else f"cen_{arguments.variant}"
    save_captioner(arguments, network if options.clip is None else network.cen, vocabulary, name)
