"""TransRMOT's training losses: the clip-wise criterion, and which tracks go on to the next frame.

Wu et al., "Referring Multi-Object Tracking", CVPR 2023; the rules are those of the authors' code (wudongming97/RMOT,
MIT). Axis: q rows of a frame, fresh queries first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.layers.nn.boxes import corners
from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.track_queries import NO_TRACK, TrackQueries
from baselines.layers.training.track_losses import (
    FrameMatch,
    FrameOutputs,
    FrameTargets,
    TrackLossConfig,
    TrackState,
    box_iou,
    compute_losses,
    match,
    total_loss,
)
from baselines.layers.training.track_training import ClipOutputs, detach_boxes, detect_layers
from baselines.transrmot.model import TransRmot

__all__ = ["LossConfig", "carried_rows", "compute_losses", "forward_clip", "match", "total_loss"]

FRESH_IOU = 0.0
"""IoU of a row that has not followed an object yet."""

_KEEP_IOU = 0.5
"""A track whose box fits its object no better is dropped; no option of the original."""


@dataclass(frozen=True, slots=True)
class LossConfig(TrackLossConfig):
    """The authors' training script.

    Attributes:
        random_drop: Probability that a track is dropped before the next frame.
        fp_ratio: Probability that a track takes a similar free row along, as a false positive.
    """

    random_drop: float = 0.1
    fp_ratio: float = 0.3


@torch.no_grad()
def carried_rows(
    outputs: FrameOutputs, frame: FrameMatch, config: LossConfig, generator: torch.Generator | None = None
) -> Tensor:
    """Select the rows that become queries of the next frame, in their order there: int64 ``(k,)``.

    Tracks in row order, then false positives, ascending: for each selected track the free row that overlaps it most.
    False positives stay free, so the next frame matches them like fresh queries.

    Args:
        outputs: Predictions of the frame.
        frame: Its assignment.
        config: Probabilities.
        generator: Source of the random choices; ``None``: torch's own.
    """
    ids, ious = frame.state.ids, frame.state.ious
    tracks = torch.nonzero((ids != NO_TRACK) & (ious > _KEEP_IOU))[:, 0]
    tracks = tracks[_uniform(tracks, generator) > config.random_drop] if config.random_drop > 0 else tracks
    free = torch.nonzero(ids == NO_TRACK)[:, 0]
    selected = tracks[_uniform(tracks, generator) < config.fp_ratio]
    if len(selected) == 0 or len(free) == 0:
        return tracks
    if len(selected) < len(free):
        boxes = corners(outputs.final.boxes)
        nearest = box_iou(boxes[free, None], boxes[None, selected]).max(dim=0).indices
        free = free[torch.zeros_like(free, dtype=torch.bool).index_fill(0, nearest, True)]
    return torch.cat((tracks, free))


def _uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw a number in [0, 1) for each element."""
    return torch.rand(like.shape, generator=generator, device=like.device)


def forward_clip(
    model: TransRmot,
    encoded: Sequence[EncodedLevels],
    targets: Sequence[FrameTargets],
    config: LossConfig,
    generator: torch.Generator | None = None,
) -> ClipOutputs:
    """Run a clip with its targets deciding which tracks go on; gradients flow through the tracks over all frames.

    Args:
        model: In training mode, or in evaluation mode for a pass without dropout.
        encoded: One memory per frame, of the clip's sentence; see `encode_clip`.
        targets: One entry per frame.
        config: Matching costs and probabilities.
        generator: Source of the random choices of `carried_rows`.
    """
    tracks: TrackQueries | None = None
    state = TrackState.empty(encoded[0].memory.device)
    outputs: list[FrameOutputs] = []
    matches: list[FrameMatch] = []
    states: list[TrackState] = []
    for memory, target in zip(encoded, targets, strict=True):
        queries = model.queries(tracks)
        output = FrameOutputs(detect_layers(model, memory, queries))
        states.append(state.after(model.config.detect_queries, FRESH_IOU))
        frame = match(output, target, states[-1], config)
        rows = carried_rows(output, frame, config, generator)
        tracks, state = model.track_embed(queries[rows], detach_boxes(output.final)[rows]), frame.state[rows]
        outputs.append(output)
        matches.append(frame)
    return ClipOutputs(tuple(outputs), tuple(matches), tuple(states))
