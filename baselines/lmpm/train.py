"""Training of LMPM (``mevis-bench train --method lmpm``), on text or on speech.

Ding et al., "MeViS" (ICCV 2023); the recipe of ``configs/train/lmpm-swin-t.yaml`` is the authors' (henghuiding/MeViS,
MIT).
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.inference.query_segmenter import STRIDE, QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.training.clip_augmentation import padded_size
from baselines.layers.training.clip_sampling import SampledClip, sentence_prompt
from baselines.layers.training.clip_training import ClipStage, existing_file, fit
from baselines.layers.training.trajectory_criterion import TrajectoryConfig
from baselines.layers.training.trajectory_outputs import join_outputs
from baselines.layers.training.trajectory_recipe import (
    StartFiles,
    TrajectoryTrainOptions,
    frames_around,
    network_images,
    sentence_targets,
    start_from_mask2former,
    trajectory_groups,
    trajectory_sampler,
)
from baselines.layers.training.trajectory_training import training_outputs
from baselines.layers.training.vocabulary import training_tokenizer
from baselines.lmpm.config import SIZES, SPEECH_SIZES
from baselines.lmpm.losses import compute_losses, total_loss
from baselines.lmpm.method import speech_reader, text_reader
from baselines.lmpm.model import Lmpm
from baselines.lmpm.options import Options
from baselines.lmpm.speech import SpeechEncoder, load_whisper
from baselines.lmpm.track_train import train_track_lmpm
from baselines.lmpmpp.mini.training.track_training import TrackTrainOptions
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import MultiStepSchedule

OWN_PARTS = (".fusion.", ".res_gate.", "class_embed.", "query_feat.")
"""Parts of names that Mask2Former lacks, has for other classes, or that LMPM lacks."""


@dataclass(frozen=True, slots=True)
class LmpmStartFiles(StartFiles):
    """Public files to start from, in addition to those of all trajectory networks.

    Attributes:
        whisper: ``model.safetensors`` of whisper-base, for a variant that reads speech.
    """

    whisper: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(TrajectoryTrainOptions):
    """Options of a training (``configs/train/lmpm-*.yaml``), in addition to those of all trajectory networks.

    Attributes:
        losses: Matching costs, weights and sampling of points.
        start: Files to start from.
    """

    losses: TrajectoryConfig
    start: LmpmStartFiles


OPTIONS = {
    "swin-t": TrainOptions,
    "swin-t-audio": TrainOptions,
    "mini": TrackTrainOptions,
    "scratch": TrainOptions,
    "scratch-audio": TrainOptions,
}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights, with a tokenizer of its own words.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
        UsageError: The split has no usable sentence.
    """
    variant: Options = arguments.method_options
    if variant.frames == "tracks":
        train_track_lmpm(arguments)
        return
    options: TrainOptions = arguments.options
    spoken, device = variant.reads == "speech", arguments.device
    torch.manual_seed(arguments.seed)
    network = build_network(options, variant)
    if spoken:
        read = speech_reader(network)
    else:
        tokenizer = training_tokenizer(arguments, options.start.tokenizer, SIZES[variant.size].text.vocab_size)
        read = text_reader(network, tokenizer, device)
    network.to(device)

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        size = padded_size(clips, STRIDE)
        outputs, targets = [], []
        for clip in clips:
            stem = network.stem(network_images(clip, PIXEL_MEAN, PIXEL_STD, size).to(device))
            for sentence in clip.sentences:
                outputs.append(training_outputs(network, stem, read(sentence_prompt(sentence, spoken=spoken)))[0])
                targets.append(sentence_targets(clip, sentence, size, options).to(device))
        losses = compute_losses(join_outputs(outputs), targets, options.losses)
        return {"loss": total_loss(losses, options.losses), **losses}

    choose_frames = frames_around(options.sampling_frame_num, options.sampling_frame_range, replace=True)
    stage = ClipStage(
        name="lmpm",
        network=network,
        groups=trajectory_groups(network, options, slow_fusion=True),
        sampler=trajectory_sampler(arguments, options, choose_frames, spoken=spoken),
        loss_fn=loss_fn,
        method=QuerySegmenter(network, read, SegmenterSettings.from_options(variant, PIXEL_MEAN, PIXEL_STD), device),
        schedule=MultiStepSchedule(options.milestones),
        max_gradient_norm=options.clip_value,
        precision=options.precision,
    )
    fit(arguments, options, stage, "model.safetensors")


def build_network(options: TrainOptions, variant: Options) -> Lmpm:
    """Build the network of a variant from the files to start from, or seeded random."""
    config = SIZES[variant.size]
    config = replace(config, swin=replace(config.swin, drop_path=options.drop_path))
    reader = build_roberta(config.text)
    encoder: torch.nn.Module = reader
    if variant.reads == "speech":
        speech = SpeechEncoder(SPEECH_SIZES[variant.size], config.text.channels)
        network, encoder = Lmpm(speech, config), speech.whisper
    else:
        network = Lmpm(reader, config)
    encoder.requires_grad_(not options.freeze_text_encoder)
    start = options.start
    if start.mask2former:
        start_from_mask2former(network, existing_file(start.mask2former, "start.mask2former"), OWN_PARTS)
    if start.roberta:
        load_roberta(network.text_encoder, existing_file(start.roberta, "start.roberta"))
    if start.whisper:
        load_whisper(network.speech_encoder.whisper, existing_file(start.whisper, "start.whisper"))
    return network
