"""Training of DsHmp (``mevis-bench train --method dshmp``).

He & Ding, "Decoupling Static and Hierarchical Motion Perception for Referring Video Segmentation" (CVPR 2024); the
recipe of ``configs/train/dshmp-swin-t.yaml`` is the authors'. Written from a description, not from their code.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from baselines.dshmp.config import SIZES
from baselines.dshmp.expression_rows import DsHmpTraining, ExpressionRows
from baselines.dshmp.losses import DsHmpLossConfig, DsHmpTargets, compute_losses, total_loss
from baselines.dshmp.method import PIXEL_STD, sentence_reader
from baselines.dshmp.model import DsHmp
from baselines.dshmp.options import Options
from baselines.dshmp.track_train import DsHmpTrackTrainOptions, train_track_dshmp
from baselines.dshmp.training_outputs import training_outputs
from baselines.layers.checkpoints.roberta_checkpoint import load_roberta
from baselines.layers.inference.query_segmenter import STRIDE, QuerySegmenter, SegmenterSettings
from baselines.layers.inputs.resize import PIXEL_MEAN
from baselines.layers.inputs.word_tagger import open_tagger
from baselines.layers.training.clip_augmentation import padded_size
from baselines.layers.training.clip_sampling import SampledClip, sentence_prompt
from baselines.layers.training.clip_training import ClipStage, existing_file, fit
from baselines.layers.training.trajectory_outputs import join_outputs
from baselines.layers.training.trajectory_recipe import (
    TrajectoryTrainOptions,
    frames_around,
    network_images,
    sentence_targets,
    start_from_mask2former,
    trajectory_groups,
    trajectory_sampler,
)
from baselines.layers.training.vocabulary import training_tokenizer
from mevis_bench.records import TrainingArguments
from mevis_bench.records.schedules import MultiStepSchedule

OWN_PARTS = (".fusion.", ".fusion_layers.", ".cross_test.", ".cross_static.", ".res_gate.", "class_embed.")
"""Parts of names that Mask2Former lacks or has for other classes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(TrajectoryTrainOptions):
    """Options of a training (``configs/train/dshmp-*.yaml``), in addition to those of all trajectory networks.

    Attributes:
        losses: Matching costs, weights, sampling of points, and the contrastive loss.
    """

    losses: DsHmpLossConfig


OPTIONS = {
    "swin-t": TrainOptions,
    "swin-t-spacy": TrainOptions,
    "mini": DsHmpTrackTrainOptions,
    "scratch": TrainOptions,
}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights, with a tokenizer of its own words.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
        MethodError: The variant's tagger is not installed.
        UsageError: The split has no usable sentence.
    """
    variant: Options = arguments.method_options
    if variant.frames == "tracks":
        train_track_dshmp(arguments)
        return
    options: TrainOptions = arguments.options
    device = arguments.device
    torch.manual_seed(arguments.seed)
    network = build_network(options, variant)
    tokenizer = training_tokenizer(arguments, options.start.tokenizer, network.config.text.vocab_size)
    read = sentence_reader(network, tokenizer, open_tagger(variant.tagger), device)
    expressions = ExpressionRows(arguments.data, options.losses.con_samples)
    training = DsHmpTraining(network, len(expressions), network.config.frame.channels).to(device)

    def loss_fn(clips: list[SampledClip]) -> dict[str, Tensor]:
        size = padded_size(clips, STRIDE)
        outputs, targets = [], []
        for clip in clips:
            stem = network.stem(network_images(clip, PIXEL_MEAN, PIXEL_STD, size).to(device))
            for sentence in clip.sentences:
                outputs.append(training_outputs(network, stem, read(sentence_prompt(sentence, spoken=False))))
                objects = sentence_targets(clip, sentence, size, options).to(device)
                targets.append(DsHmpTargets(objects, expressions.contrast(clip.video_id, sentence.expression_id)))
        losses = compute_losses(join_outputs(outputs), targets, options.losses, training.bank)
        total = total_loss(losses, options.losses, int(training.iteration))
        training.iteration += 1
        return {"loss": total, **losses}

    choose_frames = frames_around(options.sampling_frame_num, options.sampling_frame_range, replace=None)
    stage = ClipStage(
        name="dshmp",
        network=training,
        groups=trajectory_groups(training, options, slow_fusion=False),
        sampler=trajectory_sampler(arguments, options, choose_frames),
        loss_fn=loss_fn,
        method=QuerySegmenter(network, read, SegmenterSettings.from_options(variant, PIXEL_MEAN, PIXEL_STD), device),
        schedule=MultiStepSchedule(options.milestones),
        max_gradient_norm=options.clip_value,
        precision=options.precision,
        key=weight_key,
    )
    fit(arguments, options, stage, "model.safetensors")


def weight_key(name: str) -> str | None:
    """Name of a tensor in the weights file: the network's, without the memory bank."""
    return name.removeprefix("network.") if name.startswith("network.") else None


def build_network(options: TrainOptions, variant: Options) -> DsHmp:
    """Build the network of a variant from the files to start from, or seeded random."""
    config = SIZES[variant.size]
    network = DsHmp(replace(config, swin=replace(config.swin, drop_path=options.drop_path)))
    network.text_encoder.requires_grad_(not options.freeze_text_encoder)
    start = options.start
    if start.mask2former:
        start_from_mask2former(network, existing_file(start.mask2former, "start.mask2former"), OWN_PARTS)
    if start.roberta:
        load_roberta(network.text_encoder, existing_file(start.roberta, "start.roberta"))
    return network
