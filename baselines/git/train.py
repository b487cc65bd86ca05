"""Training of GIT (``mevis-bench train --method git``): sentences about highlighted targets.

Wang et al., "GIT: A Generative Image-to-text Transformer for Vision and Language", TMLR 2022.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import nn
from transformers import GitForCausalLM

from baselines.git.losses import LossConfig, caption_losses
from baselines.git.method import SIDE, Git
from baselines.git.network import FRAMES, build, load_network
from baselines.git.options import Options
from baselines.git.track_train import TrackTrainOptions, train_on_tracks
from baselines.git.word_pretraining import WordReader, topic_words, word_loss
from baselines.layers.checkpoints.sharded_checkpoint import SINGLE
from baselines.layers.checkpoints.weights_file import save_weights
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inputs.bert_vocabulary import VOCABULARY_FILE, open_vocabulary, word_vocabulary
from baselines.layers.options import Rate, Size
from baselines.layers.training.caption_training import (
    CaptionStage,
    CaptionTrainOptions,
    fit_captions,
    training_sentences,
)
from baselines.layers.training.parameter_groups import GroupRule, every_parameter, group_parameters
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import WarmupCosineSchedule


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(CaptionTrainOptions):
    """Options of a training (``configs/train/git-*.yaml``); a cosine to 0 follows the warm-up.

    Attributes:
        word_steps: Steps of a stage before, in which the image encoder learns to tell each video's topic word
            (``word_pretraining.py``); 0: none.
        lr_words: Peak learning rate of that stage.
        lr_image_encoder: Peak learning rate of the image encoder.
        lr_text_decoder: Of everything else.
        losses: Smoothing, weight, and length of the sentences.
        start: Folder of weights to start from, as microsoft/git-base-vatex; ``None``: seeded random weights, and the
            words of the training's sentences.
    """

    word_steps: Size
    lr_words: Rate
    lr_image_encoder: Rate
    lr_text_decoder: Rate
    losses: LossConfig
    start: str | None


OPTIONS = {"large-vatex": TrainOptions, "base-vatex": TrainOptions, "mini": TrackTrainOptions, "scratch": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write a folder of weights, ``git-<variant>``.

    Raises:
        UsageError: No sentence of the split has a target.
        DataError: The folder to start from does not fit.
    """
    variant: Options = arguments.method_options
    if variant.size == "tracks":
        train_on_tracks(arguments)
        return
    options: TrainOptions = arguments.options
    network, vocabulary = _build(arguments, options, variant)
    folder = arguments.out / f"git-{arguments.variant}"
    if arguments.trainer.is_main_process:
        folder.mkdir(parents=True, exist_ok=True)
        vocabulary.save(str(folder / VOCABULARY_FILE))
    nn.Module.to(network, arguments.device)
    view = CaptionView(FRAMES, Square(SIDE, variant.fit), close_ups=variant.close_ups)
    highlight, schedule = Highlight.from_options(variant), WarmupCosineSchedule(options.warm_up)
    if options.word_steps:
        torch.manual_seed(arguments.seed)
        reader = WordReader(network).to(arguments.device)
        rule = GroupRule("image encoder", every_parameter, options.lr_words, options.weight_decay)
        words = CaptionStage(
            network=reader,
            groups=group_parameters(reader, [rule]),
            view=view,
            highlight=highlight,
            losses=lambda frames, texts: {"loss": word_loss(reader(frames), texts, vocabulary)},
            schedule=schedule,
            name="words",
            topics=topic_words(arguments.data, vocabulary),
        )
        fit_captions(arguments, replace(options, steps=options.word_steps), words)
    rules = [
        GroupRule("image encoder", _is_visual, options.lr_image_encoder, options.weight_decay),
        GroupRule("text decoder", every_parameter, options.lr_text_decoder, options.weight_decay),
    ]
    captioner = Git(network, vocabulary, variant.beams, variant.max_new_tokens)
    stage = CaptionStage(
        network=network,
        groups=group_parameters(network, rules),
        view=view,
        highlight=highlight,
        losses=lambda frames, texts: caption_losses(network, vocabulary, frames, texts, options.losses),
        schedule=schedule,
        method=CaptionMethod("GIT", captioner, view, highlight),
    )
    fit_captions(arguments, options, stage)
    if arguments.trainer.is_main_process:
        metadata = {"data_fingerprint": arguments.data.fingerprint, "seed": str(arguments.seed)}
        save_weights(network.state_dict(), folder / SINGLE, metadata)


def _build(arguments: TrainingArguments, options: TrainOptions, variant: Options) -> tuple[GitForCausalLM, Tokenizer]:
    """Return network and vocabulary: those of ``options.start``, else random weights and the words of the split."""
    torch.manual_seed(arguments.seed)
    if options.start:
        network = load_network(Path(options.start), variant.size, dtype=torch.float32, device="cpu")
        return network, open_vocabulary(Path(options.start) / VOCABULARY_FILE)
    network = build(variant.size)
    return network, word_vocabulary(training_sentences(arguments.data), network.config.vocab_size)


def _is_visual(name: str) -> bool:
    return name.startswith("git.image_encoder.")
