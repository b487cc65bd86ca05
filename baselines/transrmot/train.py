"""Training of TransRMOT (``mevis-bench train --method transrmot``).

Wu et al., "Referring Multi-Object Tracking", CVPR 2023; the recipe is the authors' (wudongming97/RMOT, MIT) for
Refer-KITTI, on clips of a MeViS split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.training.track_losses import FrameTargets
from baselines.layers.training.track_recipe import TrackTrainOptions, own_encoders, train_tracker
from baselines.layers.training.track_training import ClipOutputs
from baselines.lmpmpp.mini.clip_start import common_encoders, training_start
from baselines.transrmot.losses import LossConfig, forward_clip
from baselines.transrmot.model import TransRmot
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(TrackTrainOptions):
    """Options of a training (``configs/train/transrmot-*.yaml``), in addition to those of all trackers.

    Attributes:
        losses: Matching costs, weights, and the random choices between frames.
    """

    losses: LossConfig


OPTIONS = {"resnet50": TrainOptions, "mini": TrainOptions, "scratch": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write weights and tokenizer.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
        UsageError: The split has no usable sentence.
    """
    options: TrainOptions = arguments.options
    size = SIZES[arguments.method_options.size]
    start = training_start(arguments)
    encoders = own_encoders(arguments, size.text) if start is None else common_encoders(start)
    model = TransRmot(
        size,
        track_attention=False,
        backbone=encoders.backbone,
        text_encoder=encoders.text,
    )

    def forward(encoded: Sequence[EncodedLevels], targets: Sequence[FrameTargets]) -> ClipOutputs:
        return forward_clip(model, encoded, targets, options.losses)

    train_tracker(arguments, model, encoders, forward, options.losses)
