"""Training of GIT on the common start of the mini variants (variant ``mini``): sentences about trajectories."""

from dataclasses import dataclass

import torch
from torch import nn

from baselines.git.losses import LossConfig, caption_losses
from baselines.git.method import Git
from baselines.git.network import FRAMES, build
from baselines.git.options import Options
from baselines.layers.checkpoints.sharded_checkpoint import SINGLE
from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inputs.bert_vocabulary import VOCABULARY_FILE, word_vocabulary
from baselines.layers.training.caption_training import training_sentences
from baselines.lmpmpp.mini import caption_training
from baselines.lmpmpp.mini.caption_training import fit_tracks
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackTrainOptions(caption_training.TrackTrainOptions):
    """Options of a training (``configs/train/git-mini.yaml``).

    Attributes:
        losses: Smoothing, weight, and length of the sentences.
    """

    losses: LossConfig


def train_on_tracks(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write a folder of weights, ``git-mini``.

    Raises:
        UsageError: No sentence of the split has a target.
        MevisBenchError: There are evaluations, and no Java.
    """
    options: TrackTrainOptions = arguments.options
    variant: Options = arguments.method_options
    torch.manual_seed(arguments.seed)
    network = build(variant.size)
    vocabulary = word_vocabulary(training_sentences(arguments.data), network.config.vocab_size)
    nn.Module.to(network, arguments.device)
    fit_tracks(
        arguments,
        options,
        "GIT",
        Git(network, vocabulary, variant.beams, variant.max_new_tokens),
        FRAMES,
        lambda tokens, texts: caption_losses(network, vocabulary, tokens, texts, options.losses),
    )
    if arguments.trainer.is_main_process:
        folder = arguments.out / f"git-{arguments.variant}"
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary.save(str(folder / VOCABULARY_FILE))
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights({name: value.half() for name, value in network.state_dict().items()}, folder / SINGLE, metadata)
