"""Training of TransRMOT (``mevis-bench train --method transrmot``).

Wu et al., "Referring Multi-Object Tracking", CVPR 2023; the recipe is the authors' (wudongming97/RMOT, MIT) for
Refer-KITTI, on clips of a MeViS split.
"""

from dataclasses import dataclass

import torch

from baselines.layers.nn.referring_detector import SIZES
from baselines.layers.training.track_recipe import TrackTrainOptions, train_tracker
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
    model = TransRmot(SIZES[arguments.method_options.size], track_attention=False)
    train_tracker(
        arguments, model, lambda encoded, targets: forward_clip(model, encoded, targets, options.losses), options.losses
    )
