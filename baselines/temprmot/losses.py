"""TempRMOT's training losses: TransRMOT's criterion on the detections, and the same terms on what the past corrects.

Zhang et al., "Bootstrapping Referring Multi-Object Tracking" (2024). The authors' code carries no license and was not
opened; this is written from its published behavior. Axis: q rows of a frame, fresh queries first.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.track_queries import NO_TRACK
from baselines.layers.training.track_losses import (
    FrameMatch,
    FrameOutputs,
    FrameTargets,
    TrackLossConfig,
    TrackState,
    compute_losses,
    match,
    total_loss,
)
from baselines.layers.training.track_training import ClipOutputs, detach_boxes, detect_layers
from baselines.temprmot.model import RememberedTracks, TempRmot
from baselines.temprmot.temporal import History

__all__ = ["LossConfig", "carry", "compute_losses", "forward_clip", "match", "total_loss"]

LossConfig = TrackLossConfig
"""The authors' training script. It also sets ``random_drop`` and ``fp_ratio``, which their code does not read."""

FRESH_IOU = 1.0
"""IoU of a row that has not followed an object yet."""

_CARRY_SCORE = 0.5
"""A row above this corrected score goes on, with or without an identity; no option of the original."""

_KEEP_IOU = 0.5
"""A track whose corrected box fits its object no better goes on without its identity; no option of the original."""


@torch.no_grad()
def carry(outputs: FrameOutputs, frame: FrameMatch) -> tuple[Tensor, TrackState]:
    """Select the rows that become queries of the next frame, and their state there.

    All rows with an identity or a confident corrected score go on, in row order. A confident row without an identity
    is a false positive; the next frame matches it like a fresh query.

    Args:
        outputs: Predictions of the frame, with its temporal module's.
        frame: Its assignment.

    Returns:
        Rows, int64 ``(k,)``, ascending, and their state.
    """
    ids, ious = frame.state.ids, frame.state.ious
    rows = torch.nonzero((ids != NO_TRACK) | (outputs.final.scores > _CARRY_SCORE))[:, 0]
    kept = torch.where(ious[rows] > _KEEP_IOU, ids[rows], NO_TRACK)
    return rows, TrackState(kept, ious[rows])


def forward_clip(
    model: TempRmot, encoded: Sequence[EncodedLevels], targets: Sequence[FrameTargets], config: LossConfig
) -> ClipOutputs:
    """Run a clip with its targets deciding which rows go on.

    Gradients flow from frame to frame through the queries that go on, not through their history.

    Args:
        model: In training mode, or in evaluation mode for a pass without dropout.
        encoded: One memory per frame, of the clip's sentence; see `encode_clip`.
        targets: One entry per frame.
        config: Matching costs.
    """
    tracks: RememberedTracks | None = None
    state = TrackState.empty(encoded[0].memory.device)
    outputs: list[FrameOutputs] = []
    matches: list[FrameMatch] = []
    states: list[TrackState] = []
    for memory, target in zip(encoded, targets, strict=True):
        queries = model.queries(None if tracks is None else tracks.queries)
        layers = detect_layers(model, memory, queries)
        refined, history = model.look_back(layers[-1], queries, tracks)
        output = FrameOutputs(layers, refined)
        states.append(state.after(model.config.detect_queries, FRESH_IOU))
        frame = match(output, target, states[-1], config)
        rows, state = carry(output, frame)
        history = History(history.states.detach(), history.absent)
        tracks = RememberedTracks(model.follow(queries[rows], detach_boxes(refined)[rows]), history[rows])
        outputs.append(output)
        matches.append(frame)
    return ClipOutputs(tuple(outputs), tuple(matches), tuple(states))
