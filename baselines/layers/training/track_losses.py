"""Clip-wise matching and losses of MOTR's trackers, as TransRMOT and TempRMOT train.

Zeng et al., "MOTR: End-to-End Multiple-Object Tracking with Transformer", ECCV 2022 (tracklet-aware label assignment,
collective average loss); Wu et al., "Referring Multi-Object Tracking", CVPR 2023 (the referring loss). A clip is
matched frame by frame: a row that carries an object's identity keeps the object, free rows compete for the rest.
Axes: q queries (rows of a frame), o objects. Boxes are cx, cy, w, h in shares of the image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.nn.boxes import corners, generalized_iou
from baselines.layers.nn.track_queries import NO_TRACK, Detections
from baselines.layers.training.detection_losses import (
    assign,
    pairwise_class_cost,
    pairwise_giou_cost,
    pairwise_l1_cost,
    sigmoid_focal_loss,
)

NO_OBJECT = -1
"""Object index of a row that is background in a frame: a free row, or a track whose object is not there."""


@dataclass(frozen=True, slots=True, eq=False)
class FrameTargets:
    """All annotated objects of a frame, referred to or not; a frame without objects has ``o = 0``.

    Attributes:
        boxes: ``(o, 4)``; after a crop a center may be outside 0..1.
        ids: int64 ``(o,)``, identity in the clip, at least 0, none twice.
        referred: bool ``(o,)``, whether the expression means the object in this frame.

    Raises:
        ValueError: Shapes do not fit, or an identity is negative or duplicate.
    """

    boxes: Tensor
    ids: Tensor
    referred: Tensor

    def __post_init__(self) -> None:
        count = len(self.ids)
        if self.boxes.shape != (count, 4) or self.referred.shape != (count,):
            raise ValueError(
                f"targets of {count} identities need boxes ({count}, 4) and referred ({count},), "
                f"got {tuple(self.boxes.shape)} and {tuple(self.referred.shape)}"
            )
        ids = self.ids.tolist()
        if min(ids, default=0) < 0 or len(set(ids)) < count:
            raise ValueError(f"identities of a frame must be unique and at least 0, got {ids}")

    def __len__(self) -> int:
        return len(self.ids)

    def to(self, device: torch.device | str) -> "FrameTargets":
        """Move to a device."""
        return FrameTargets(self.boxes.to(device), self.ids.to(device), self.referred.to(device))


@dataclass(frozen=True, slots=True, eq=False)
class FrameOutputs:
    """Predictions for the rows of a frame.

    Attributes:
        layers: One entry per decoder layer, the last one is the detector's output.
        refined: Output of a temporal module, ``None`` for a model without one.
    """

    layers: tuple[Detections, ...]
    refined: Detections | None = None

    @property
    def final(self) -> Detections:
        """Output that tracks are updated by."""
        return self.layers[-1] if self.refined is None else self.refined


@dataclass(frozen=True, slots=True, eq=False)
class TrackState:
    """State of the rows of a frame.

    Attributes:
        ids: int64 ``(q,)``, identity of the object that a row follows, or ``NO_TRACK`` for a free row.
        ious: ``(q,)``, IoU of the row's box with its object when both were last in a frame, without gradient.
    """

    ids: Tensor
    ious: Tensor

    def __getitem__(self, rows: Tensor) -> "TrackState":
        return TrackState(self.ids[rows], self.ious[rows])

    def after(self, count: int, iou: float) -> "TrackState":
        """Prepend ``count`` fresh rows with the initial IoU ``iou``."""
        return TrackState(
            torch.cat((self.ids.new_full((count,), NO_TRACK), self.ids)),
            torch.cat((self.ious.new_full((count,), iou), self.ious)),
        )

    @classmethod
    def empty(cls, device: torch.device | str = "cpu") -> "TrackState":
        """State of no rows: what enters the first frame."""
        return cls(torch.empty(0, dtype=torch.long, device=device), torch.empty(0, device=device))


@dataclass(frozen=True, slots=True, eq=False)
class FrameMatch:
    """Assignment of a frame's rows to its objects.

    Attributes:
        objects: One int64 ``(q,)`` per decoder layer: index of the row's object in the targets or ``NO_OBJECT``.
        state: Identities and IoUs after the frame.
        num_samples: Objects of the frame plus rows whose object is not in it; what the clip's losses are divided by.
    """

    objects: tuple[Tensor, ...]
    state: TrackState
    num_samples: int


@dataclass(frozen=True, slots=True)
class TrackLossConfig:
    """Matching costs and loss weights, named and valued as the authors' options.

    The focal loss's alpha 0.25 and gamma 2 are constants of the authors' criterion: their ``--focal_alpha`` is not
    read. Their ``--set_cost_refer`` is not read either, so it is left out.
    """

    set_cost_class: float = 2.0
    set_cost_bbox: float = 5.0
    set_cost_giou: float = 2.0
    cls_loss_coef: float = 2.0
    bbox_loss_coef: float = 5.0
    giou_loss_coef: float = 2.0
    refer_loss_coef: float = 2.0


@torch.no_grad()
def match(outputs: FrameOutputs, targets: FrameTargets, state: TrackState, config: TrackLossConfig) -> FrameMatch:
    """Assign the rows of a frame to its objects, for every decoder layer, and update the rows' state.

    A row with an identity keeps its object in every layer; if the object is not in the frame the row is background
    but keeps identity and IoU. All free rows, fresh ones and carried false positives, are matched to the objects that
    no row holds. Rows newly matched in the last layer take the object's identity. The IoU is that of the final box.

    Args:
        outputs: Predictions of the frame.
        targets: Its objects.
        state: State of the same rows before the frame.
        config: Matching costs.
    """
    kept = _objects_by_id(state.ids, targets.ids)
    objects = tuple(_match_free_rows(layer, targets, kept, state.ids, config) for layer in outputs.layers)
    found = objects[-1] != NO_OBJECT
    ids, ious = state.ids.clone(), state.ious.clone()
    ids[found] = targets.ids[objects[-1][found]]
    ious[found] = box_iou(corners(outputs.final.boxes[found]), corners(targets.boxes[objects[-1][found]]))
    disappeared = int(((state.ids != NO_TRACK) & (kept == NO_OBJECT)).sum())
    return FrameMatch(objects, TrackState(ids, ious), len(targets) + disappeared)


def _objects_by_id(ids: Tensor, target_ids: Tensor) -> Tensor:
    """Object index of every row by its identity: ``(q,)`` and ``(o,)`` to int64 ``(q,)``."""
    objects = torch.full_like(ids, NO_OBJECT)
    rows, columns = torch.nonzero(ids[:, None] == target_ids[None], as_tuple=True)
    objects[rows] = columns
    return objects


def _match_free_rows(
    predictions: Detections, targets: FrameTargets, kept: Tensor, ids: Tensor, config: TrackLossConfig
) -> Tensor:
    """Add the best pairs of free rows and free objects to the pairs that are ``kept``."""
    free_rows = torch.nonzero(ids == NO_TRACK)[:, 0]
    free = torch.ones(len(targets), dtype=torch.bool, device=ids.device)
    free[kept[kept != NO_OBJECT]] = False
    free_objects = torch.nonzero(free)[:, 0]
    boxes, target_boxes = predictions.boxes[free_rows], targets.boxes[free_objects]
    labels = torch.zeros_like(free_objects)  # one class: object
    cost = (
        config.set_cost_bbox * pairwise_l1_cost(boxes, target_boxes)
        + config.set_cost_class * pairwise_class_cost(predictions.logits[free_rows, None], labels)
        + config.set_cost_giou * pairwise_giou_cost(boxes, target_boxes)
    )
    rows, columns = assign(cost)
    objects = kept.clone()
    objects[free_rows[rows]] = free_objects[columns]
    return objects


def box_iou(one: Tensor, other: Tensor) -> Tensor:
    """IoU of boxes by corners: ``(..., 4)`` twice, broadcast, to ``(...)``, 0..1; NaN for two boxes without area."""
    inner = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0)
    both = inner.prod(-1)
    return both / ((one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - both)


def compute_losses(
    outputs: Sequence[FrameOutputs],
    targets: Sequence[FrameTargets],
    matches: Sequence[FrameMatch],
    num_samples: float | None = None,
) -> dict[str, Tensor]:
    """Compute every loss of a clip before weighting.

    Per frame t and layer, in the authors' names: ``frame_{t}_loss_*`` (last layer), ``frame_{t}_aux{j}_loss_*`` (the
    layers before) and, for a model with a temporal module, ``frame_{t}_temporal_loss_*``, which follows the last
    layer's assignment. ``*`` is ``ce``, ``bbox``, ``giou`` and ``refer``.

    Args:
        outputs: One entry per frame.
        targets: One entry per frame.
        matches: One entry per frame.
        num_samples: Divisor of every loss, at least 1; several processes give the mean over theirs. ``None``: the
            clip's own sum.
    """
    if num_samples is None:
        num_samples = sum(frame.num_samples for frame in matches)
    losses: dict[str, Tensor] = {}
    for index, (output, target, frame) in enumerate(zip(outputs, targets, matches, strict=True)):
        groups = {f"aux{layer}_": pair for layer, pair in enumerate(zip(output.layers, frame.objects, strict=True))}
        groups[""] = groups.pop(f"aux{len(output.layers) - 1}_")
        if output.refined is not None:
            groups["temporal_"] = output.refined, frame.objects[-1]
        for group, (predictions, objects) in groups.items():
            for name, loss in _summed_losses(predictions, target, objects).items():
                losses[f"frame_{index}_{group}loss_{name}"] = loss / max(1.0, num_samples)
    return losses


def _summed_losses(predictions: Detections, targets: FrameTargets, objects: Tensor) -> dict[str, Tensor]:
    """Sums over the rows of one layer: class over all rows, box and refer losses over rows with an object."""
    found = objects != NO_OBJECT
    boxes, target_boxes = predictions.boxes[found], targets.boxes[objects[found]]
    referred = targets.referred[objects[found]]
    return {
        "ce": sigmoid_focal_loss(predictions.logits, found.to(predictions.logits)).sum(),
        "bbox": (boxes - target_boxes).abs().sum(),
        "giou": (1 - generalized_iou(corners(boxes), corners(target_boxes))).sum(),
        "refer": sigmoid_focal_loss(predictions.refers[found], referred.to(predictions.refers)).sum(),
    }


def loss_weights(config: TrackLossConfig) -> dict[str, float]:
    """Weight of each kind of loss, the same in all frames and layers."""
    return {
        "ce": config.cls_loss_coef,
        "bbox": config.bbox_loss_coef,
        "giou": config.giou_loss_coef,
        "refer": config.refer_loss_coef,
    }


def total_loss(losses: Mapping[str, Tensor], config: TrackLossConfig) -> Tensor:
    """Weighted sum of `compute_losses` over frames, layers and kinds: a scalar."""
    weights = loss_weights(config)
    return torch.stack([weights[name.rpartition("_")[2]] * loss for name, loss in losses.items()]).sum()
