"""Criterion of trajectory queries: VITA's (NeurIPS 2022), with LMPM's similarity loss (ICCV 2023); DsHmp's base.

Frame queries of every frame and trajectory queries of the clip learn by set prediction, at every decoder layer; matched
embeddings of an object are pulled together. The clip decoder runs once for each of the last l frame-decoder layers.
Axes: b clips with their expressions, l frame-decoder layers, t frames, q frame queries, k trajectory queries, c
channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.layers.training.distributed import average_count
from baselines.layers.training.point_sampling import PointSampler, uniform_points
from baselines.layers.training.set_criterion import Pairs, SetConfig, match_set, set_losses
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets


@dataclass(frozen=True, slots=True)
class TrajectoryConfig(SetConfig):
    """``SetConfig`` of frames and clips alike (the authors' ``MASK_FORMER``), and two numbers of their ``VITA``.

    Attributes:
        vita_no_object_weight: ``no_object_weight`` of the trajectory queries.
        sim_weight: Of the similarity loss.
    """

    vita_no_object_weight: float = 0.1
    sim_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class TrajectoryIndices:
    """Matched queries and objects by layer and group, in the order of ``TrajectoryOutputs``.

    An object's number is its row among those of the group: in a frame, among the objects that this frame shows.
    """

    frame: list[list[Pairs]]
    clip: list[list[Pairs]]


def match(
    outputs: TrajectoryOutputs,
    targets: Sequence[TrajectoryTargets],
    config: TrajectoryConfig,
    sampler: PointSampler = uniform_points,
) -> TrajectoryIndices:
    """Match every layer's queries with the b clips' objects; points are drawn layer by layer, frame decoder first."""
    frames, clips = frame_masks(targets), clip_masks(targets, len(outputs.clip_embeddings))
    return TrajectoryIndices(
        frame=[match_set(layer, frames, config, sampler) for layer in outputs.frame],
        clip=[match_set(layer, clips, config, sampler) for layer in outputs.clip],
    )


def set_prediction_losses(
    outputs: TrajectoryOutputs,
    targets: Sequence[TrajectoryTargets],
    indices: TrajectoryIndices,
    config: TrajectoryConfig,
    sampler: PointSampler = uniform_points,
) -> dict[str, Tensor]:
    """Losses of every layer before weighting.

    Args:
        outputs: Of b clips.
        targets: Of each clip.
        indices: From ``match``.
        config: Weight of "no object" and sampling of points.
        sampler: Draws the points of one layer after the other, frame decoder first.

    Returns:
        ``loss_ce``, ``loss_mask``, ``loss_dice`` of the frame decoder's last layer, and with ``_0``, ``_1``, ... of the
        start state and the earlier layers; ``loss_vita_ce``, ... of the clip decoder likewise.
    """
    clip_config = replace(config, no_object_weight=config.vita_no_object_weight)
    losses = {}
    for prefix, layers, masks, pairs, set_config in (
        ("loss", outputs.frame, frame_masks(targets), indices.frame, config),
        ("loss_vita", outputs.clip, clip_masks(targets, len(outputs.clip_embeddings)), indices.clip, clip_config),
    ):
        count = outputs.clip_embeddings.new_tensor(sum(len(x) for x in masks))
        normalizer = average_count(count)
        for number, (layer, matched) in enumerate(zip(layers, pairs, strict=True)):
            suffix = "" if number == len(layers) - 1 else f"_{number}"
            found = set_losses(layer, masks, matched, normalizer, set_config, sampler)
            losses[f"{prefix}_ce{suffix}"] = found.ce
            losses[f"{prefix}_mask{suffix}"] = found.mask
            losses[f"{prefix}_dice{suffix}"] = found.dice
    return losses


def similarity_loss(
    outputs: TrajectoryOutputs, targets: Sequence[TrajectoryTargets], indices: TrajectoryIndices
) -> Tensor:
    """Binary cross-entropy between embeddings' dot products and "same object".

    For each clip and each of the l frame-decoder layers, the embeddings of matched frame queries (by the matching of
    that layer) and of matched trajectory queries (last clip-decoder layer) form one pool; all pairs of a pool count,
    those of an embedding with itself included.

    Returns:
        Sum over pairs / (number of pairs + 1e-6); 0 without matches.
    """
    layers, clips, frames = outputs.frame_embeddings.shape[:3]
    total, count = outputs.clip_embeddings.new_zeros(()), 0
    for layer in range(layers):
        frame_pairs = indices.frame[len(indices.frame) - layers + layer]
        for clip, target in enumerate(targets):
            queries, objects = indices.clip[-1][layer * clips + clip]
            pool, ids = [outputs.clip_embeddings[layer, clip, queries]], [target.ids[objects].amax(1)]
            for frame in range(frames):
                queries, objects = frame_pairs[clip * frames + frame]
                pool.append(outputs.frame_embeddings[layer, clip, frame, queries])
                ids.append(target.ids[target.in_frame(frame)[objects], frame])
            numbers = torch.cat(ids)
            total = total + same_object_loss(torch.cat(pool), numbers)
            count += len(numbers) ** 2
    return total / (count + 1e-6)


def same_object_loss(embeddings: Tensor, numbers: Tensor) -> Tensor:
    """Binary cross-entropy of "same object" against the dot products of all pairs of a pool, summed.

    Args:
        embeddings: ``(p, c)``.
        numbers: Object of each, int64 ``(p,)``.
    """
    same = (numbers[:, None] == numbers).to(embeddings.dtype)
    return F.binary_cross_entropy_with_logits(embeddings @ embeddings.T, same, reduction="sum")


def set_prediction_weights(config: TrajectoryConfig) -> dict[str, float]:
    """Weights of the losses of ``set_prediction_losses`` by name without ``_<layer>``."""
    weights = {"ce": config.class_weight, "mask": config.mask_weight, "dice": config.dice_weight}
    return {f"{prefix}_{name}": weight for prefix in ("loss", "loss_vita") for name, weight in weights.items()}


def weighted_sum(losses: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """Sum losses by their weights; a layer's loss, ``<name>_<layer>``, has the weight of ``<name>``."""
    return torch.stack([weights[name.rstrip("0123456789").rstrip("_")] * value for name, value in losses.items()]).sum()


def frame_masks(targets: Sequence[TrajectoryTargets]) -> list[Tensor]:
    """Masks of each frame's objects ``(m, 1, h, w)``, clip by clip."""
    return [
        target.masks[target.in_frame(frame), frame, None]
        for target in targets
        for frame in range(target.masks.shape[1])
    ]


def clip_masks(targets: Sequence[TrajectoryTargets], layers: int) -> list[Tensor]:
    """Masks of each clip's objects ``(n, t, h, w)``, all clips once per layer."""
    return [target.masks for target in targets] * layers
