"""Training of VAST on the common start of the mini variants (variant ``mini``): sentences about trajectories."""

from dataclasses import dataclass

import torch

from baselines.layers.options import Rate
from baselines.layers.training.caption_training import open_or_collect_words, save_captioner
from baselines.lmpmpp.mini import caption_training
from baselines.lmpmpp.mini.caption_training import fit_tracks
from baselines.vast.config import SIZES
from baselines.vast.losses import LossConfig, caption_losses
from baselines.vast.method import VastCaptioner
from baselines.vast.model import Vast
from baselines.vast.options import Options
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions(caption_training.TrackTrainOptions):
    """Options of a training (``configs/train/vast-mini.yaml``).

    Attributes:
        max_norm: Largest norm of the whole gradient.
        losses: Share of predicted tokens, weight, and length of the sentences.
    """

    max_norm: Rate
    losses: LossConfig


def train_on_tracks(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write weights and vocabulary.

    Raises:
        UsageError: No sentence of the split has a target.
        MevisBenchError: There are evaluations, and no Java.
    """
    options: TrackTrainOptions = arguments.options
    variant: Options = arguments.method_options
    torch.manual_seed(arguments.seed)
    sizes = SIZES[variant.size]
    network = Vast(sizes)
    vocabulary = open_or_collect_words(arguments.data, None, sizes.words)
    network.to(arguments.device)
    fit_tracks(
        arguments,
        options,
        "VAST",
        VastCaptioner(network, vocabulary, variant, arguments.device),
        variant.frames,
        lambda tokens, texts: caption_losses(network, vocabulary, tokens, texts, options.losses),
        options.max_norm,
    )
    save_captioner(arguments, network, vocabulary, f"vast_{arguments.variant}")
