"""Losses of LMPM (Ding et al., ICCV 2023; henghuiding/MeViS): set prediction in frames and clips, and similarity."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from baselines.layers.training.point_sampling import PointSampler, uniform_points
from baselines.layers.training.trajectory_criterion import (
    TrajectoryConfig,
    match,
    set_prediction_losses,
    set_prediction_weights,
    similarity_loss,
    weighted_sum,
)
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets


def compute_losses(
    outputs: TrajectoryOutputs,
    targets: Sequence[TrajectoryTargets],
    config: TrajectoryConfig,
    sampler: PointSampler = uniform_points,
) -> dict[str, Tensor]:
    """Match queries with objects and compute the 40 losses before weighting.

    Args:
        outputs: Of b clips with their expressions.
        targets: Of each clip; without objects only the cross-entropies are above 0.
        config: Matching costs and sampling of points.
        sampler: Draws points for ``match``, then for the losses.

    Returns:
        The losses of ``set_prediction_losses`` and ``loss_clip_sim``.
    """
    indices = match(outputs, targets, config, sampler)
    losses = set_prediction_losses(outputs, targets, indices, config, sampler)
    return losses | {"loss_clip_sim": similarity_loss(outputs, targets, indices)}


def loss_weights(config: TrajectoryConfig) -> dict[str, float]:
    """Weights by name, without ``_<layer>``."""
    return set_prediction_weights(config) | {"loss_clip_sim": config.sim_weight}


def total_loss(losses: Mapping[str, Tensor], config: TrajectoryConfig) -> Tensor:
    """Weighted sum of the losses of ``compute_losses``, a scalar."""
    return weighted_sum(losses, loss_weights(config))
