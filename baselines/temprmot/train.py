"""Training of TempRMOT (``mevis-bench train --method temprmot``).

Zhang et al., "Bootstrapping Referring Multi-Object Tracking" (2024); the recipe is the authors' for Refer-KITTI, on
clips of a MeViS split. Their code carries no license and was not opened.
"""

from dataclasses import dataclass

import torch

from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.options import Count
from baselines.layers.training.track_recipe import TrackTrainOptions, train_tracker
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


OPTIONS = {"resnet50": TrainOptions, "mini": TrainOptions}


def train(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write weights and tokenizer.

    Raises:
        MissingWeightsError: A file to start from is missing.
        DataError: A file to start from does not fit.
        UsageError: The split has no usable sentence.
    """
    options: TrainOptions = arguments.options
    torch.manual_seed(arguments.seed)
    model = TempRmot(SIZES[arguments.method_options.size], history=options.hist_len, track_attention=False)
    train_tracker(
        arguments, model, lambda encoded, targets: forward_clip(model, encoded, targets, options.losses), options.losses
    )
