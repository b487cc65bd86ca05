"""Losses of DsHmp (He & Ding, CVPR 2024): those of LMPM, and a contrastive loss against a memory bank.

Written from a description of the losses and proven against stored values. Axes: b clips with their expressions, l
frame-decoder layers, k trajectory queries, c channels, p positives, m negatives.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.dshmp.memory_bank import ExpressionContrast, MemoryBank
from baselines.layers.training.point_sampling import PointSampler, uniform_points
from baselines.layers.training.trajectory_criterion import (
    TrajectoryConfig,
    TrajectoryIndices,
    set_prediction_losses,
    set_prediction_weights,
    similarity_loss,
    weighted_sum,
)
from baselines.layers.training.trajectory_criterion import match as match_trajectories
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets


@dataclass(frozen=True, slots=True)
class DsHmpLossConfig(TrajectoryConfig):
    """``TrajectoryConfig`` and the contrastive loss.

    Attributes:
        con_weight: Of the contrastive loss after its warm-up.
        con_warm_up: Iterations over which its weight grows from 0, linearly.
        con_samples: Rows of the memory bank that an expression is compared with, positives included.
        bank_momentum: Share of a row of the memory bank that stays when it is updated.
    """

    con_weight: float = 0.3
    con_warm_up: int = 2000
    con_samples: int = 100
    bank_momentum: float = 0.1


@dataclass(frozen=True, slots=True)
class DsHmpOutputs(TrajectoryOutputs):
    """``TrajectoryOutputs`` and embeddings for the contrastive loss.

    Attributes:
        contrastive_embeddings: ``(l, b, k, c)``, of the last clip-decoder layer.
    """

    contrastive_embeddings: Tensor


@dataclass(frozen=True, slots=True)
class DsHmpTargets:
    """Targets of one clip with its expression.

    Attributes:
        objects: Its objects; none for a no-target expression, which then has no contrastive loss.
        contrast: What its expression is compared with.
    """

    objects: TrajectoryTargets
    contrast: ExpressionContrast


def match(
    outputs: DsHmpOutputs,
    targets: list[DsHmpTargets],
    config: DsHmpLossConfig,
    sampler: PointSampler = uniform_points,
) -> TrajectoryIndices:
    """Match every layer's queries with the b clips' objects, as LMPM."""
    return match_trajectories(outputs, [target.objects for target in targets], config, sampler)


def compute_losses(
    outputs: DsHmpOutputs,
    targets: list[DsHmpTargets],
    config: DsHmpLossConfig,
    bank: MemoryBank,
    sampler: PointSampler = uniform_points,
) -> dict[str, Tensor]:
    """Match queries with objects, update the memory bank and compute the 41 losses before weighting.

    Args:
        outputs: Of b clips with their expressions.
        targets: Of each clip.
        config: Matching costs, sampling of points, update of the bank.
        bank: Changed in place: the rows of the b expressions move to their anchors before the loss.
        sampler: Draws points for ``match``, then for the losses.

    Returns:
        The losses of ``set_prediction_losses``, ``loss_vita_sim`` and ``loss_con_sim``.
    """
    objects = [target.objects for target in targets]
    indices = match(outputs, targets, config, sampler)
    losses = set_prediction_losses(outputs, objects, indices, config, sampler)
    losses["loss_vita_sim"] = similarity_loss(outputs, objects, indices)
    anchors = expression_anchors(outputs, indices)
    refer_ids = torch.tensor([targets[clip].contrast.refer_id for clip in anchors], dtype=torch.int64)
    rows = torch.stack(list(anchors.values())) if anchors else outputs.contrastive_embeddings[0, 0, :0]
    bank.update(refer_ids.to(rows.device), rows.detach(), config.bank_momentum)
    terms = [contrastive_loss(anchor, targets[clip].contrast, bank.features) for clip, anchor in anchors.items()]
    zero = 0 * outputs.contrastive_embeddings.sum()
    losses["loss_con_sim"] = torch.stack(terms).mean() if terms else zero
    return losses


def expression_anchors(outputs: DsHmpOutputs, indices: TrajectoryIndices) -> dict[int, Tensor]:
    """Anchors ``(c,)`` by clip: mean embedding of its matched trajectory queries; clips without a match are left out.

    Only the queries that saw the last frame-decoder layer count. The original takes them from a fixed place, which
    allows one clip only.
    """
    layers, clips = outputs.contrastive_embeddings.shape[:2]
    last_pairs = indices.clip[-1][(layers - 1) * clips :]
    return {
        clip: outputs.contrastive_embeddings[-1, clip, queries].mean(0)
        for clip, (queries, _) in enumerate(last_pairs)
        if len(queries)
    }


def contrastive_loss(anchor: Tensor, contrast: ExpressionContrast, features: Tensor) -> Tensor:
    """Pull an expression to those of the same objects and push it from others.

    With dot products ``d`` of the anchor and the p + m rows:
    ``Z = Σ_negatives exp(d) + 1/p Σ_positives exp(d)``,
    ``loss = 2 * mean_positives(log Z - d) + mean_all((cosine - label)²)``; the label of positives is 1, of negatives 0.

    Args:
        anchor: ``(c,)``.
        contrast: Rows of the bank; at least one positive.
        features: Memory bank ``(r, c)``, without gradient.
    """
    count = len(contrast.positives)
    samples = features[torch.cat((contrast.positives, contrast.negatives)).to(features.device)]
    positive, negative = (samples @ anchor).tensor_split([count])
    log_z = torch.cat((negative, positive - torch.tensor(float(count)).log())).logsumexp(0)
    labels = (torch.arange(len(samples), device=samples.device) < count).to(anchor.dtype)
    cosine = F.cosine_similarity(samples, anchor[None], dim=-1)
    return 2 * (log_z - positive).mean() + F.mse_loss(cosine, labels)


def loss_weights(config: DsHmpLossConfig, iteration: int) -> dict[str, float]:
    """Weights by name, without ``_<layer>``, in optimizer step ``iteration``, counted from 0."""
    contrastive = config.con_weight * min(1.0, iteration / config.con_warm_up)
    return set_prediction_weights(config) | {"loss_vita_sim": config.sim_weight, "loss_con_sim": contrastive}


def total_loss(losses: Mapping[str, Tensor], config: DsHmpLossConfig, iteration: int) -> Tensor:
    """Weighted sum of the losses of ``compute_losses``, a scalar."""
    return weighted_sum(losses, loss_weights(config, iteration))
