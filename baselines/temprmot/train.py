"""Training of TempRMOT (``mevis-bench train --method temprmot``).

Zhang et al., "Bootstrapping Referring Multi-Object Tracking" (2024); the recipe is the authors' for Refer-KITTI, on
clips of a MeViS split. Their code carries no license and was not opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.options import Count
from baselines.layers.training.track_losses import FrameTargets
from baselines.layers.training.track_recipe import TrackTrainOptions, own_encoders, train_tracker
from baselines.layers.training.track_training import ClipOutputs
from baselines.lmpmpp.mini.clip_start import common_encoders, training_start
from baselines.temprmot.losses import LossConfig, forward_clip
from baselines.temprmot.model import TempRmot
from mevis_bench.records import TrainingArguments


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions(TrackTrainOptions):
    """Options of a training (``configs/train/temprmot-*.yaml``), in addition to those of all trackers.

    Attributes:
        hist_len: Frames of history; the weights fit any other number, too.
        losses: Matching costs and weights.
    """

    hist_len: Count
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
    model = TempRmot(
        size,
        history=options.hist_len,
        track_attention=False,
        backbone=encoders.backbone,
        text_encoder=encoders.text,
    )

    def forward(encoded: Sequence[EncodedLevels], targets: Sequence[FrameTargets]) -> ClipOutputs:
        return forward_clip(model, encoded, targets, options.losses)

    train_tracker(arguments, model, encoders, forward, options.losses)
