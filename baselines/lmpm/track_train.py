"""Training of LMPM's clip module on the common start of the mini variants (variant ``mini``)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.training.trajectory_criterion import TrajectoryConfig
from baselines.lmpm.config import SIZES
from baselines.lmpm.losses import total_loss
from baselines.lmpm.options import Options
from baselines.lmpm.track_network import TrackLmpm
from baselines.lmpmpp.mini.common_start import CommonStart
from baselines.lmpmpp.mini.training.track_training import (
    PromptedClip,
    TrackTrainOptions,
    load_start,
    mean_losses,
    run_clip,
    train_on_tracks,
)
from mevis_bench.records import TrainingArguments


def train_track_lmpm(arguments: TrainingArguments) -> None:
    """Train, or continue a training that was stopped, and write the weights of what is learned.

    Raises:
        MissingWeightsError: The file of the common start is missing.
        DataError: It is not LMPM++ mini's, or the videos of the split differ in size.
        UsageError: The split has no sentence.
    """
    options: TrackTrainOptions = arguments.options
    variant: Options = arguments.method_options
    start = load_start(options, arguments.device)
    torch.manual_seed(arguments.seed)
    network = TrackLmpm(SIZES[variant.size]).to(arguments.device)

    def loss_fn(clips: list[PromptedClip]) -> dict[str, Tensor]:
        return clip_losses(network, start, clips, options.losses, arguments.device)

    train_on_tracks(arguments, start, network, network, variant.threshold, loss_fn)


def clip_losses(
    network: TrackLmpm, start: CommonStart, clips: Sequence[PromptedClip], config: TrajectoryConfig, device: str
) -> dict[str, Tensor]:
    """Losses of a micro-batch, means over its videos: LMPM's of the clip decoder's layers and the similarity."""
    features = network.read(start, [prompt for prompted in clips for prompt in prompted.prompts])
    parts = []
    for prompted, own in zip(clips, features.split([len(prompted.prompts) for prompted in clips]), strict=True):
        found = run_clip(network, prompted, own, config, device)
        parts.append({**found.losses, "loss_clip_sim": found.similarity})
    means = mean_losses(parts)
    return {"loss": total_loss(means, config), **means}
