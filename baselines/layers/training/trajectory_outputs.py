"""Predictions of trajectory networks (LMPM, DsHmp) in training.

Axes: b clips with their expressions, l frame-decoder layers whose queries the clip decoder sees, t frames, q frame
queries, k trajectory queries, c channels, h and w rows and columns at stride 4.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TypeVar

import torch
from torch import Tensor

from baselines.layers.training.set_criterion import SetOutputs

CLIP_DECODER_INPUTS = 3
"""l: the clip module is trained on the queries of the last l frame-decoder layers, as VITA."""


@dataclass(frozen=True, slots=True)
class TrajectoryOutputs:
    """Predictions of all decoder layers.

    Attributes:
        frame: Start state and all layers of the frame decoder, the last layer last. Groups are frames, ``b * t``,
            clip by clip; masks have one frame: ``(b * t, q, 1, h, w)``.
        clip: All layers of the clip decoder, the last layer last. Groups are ``l * b``, layer by layer.
        frame_embeddings: ``(l, b, t, q, c)``.
        clip_embeddings: ``(l, b, k, c)``, of the last clip-decoder layer.
    """

    frame: Sequence[SetOutputs]
    clip: Sequence[SetOutputs]
    frame_embeddings: Tensor
    clip_embeddings: Tensor


OutputsT = TypeVar("OutputsT", bound=TrajectoryOutputs)


def join_outputs(parts: Sequence[OutputsT]) -> OutputsT:
    """Join the outputs of several clips with equal t along b; at least one part."""
    layers = len(parts[0].clip_embeddings)
    joined: dict[str, object] = {
        "frame": [
            SetOutputs(torch.cat([x.logits for x in sets]), torch.cat([x.masks for x in sets]))
            for sets in zip(*(part.frame for part in parts), strict=True)
        ],
        "clip": [
            SetOutputs(_join_groups([x.logits for x in sets], layers), _join_groups([x.masks for x in sets], layers))
            for sets in zip(*(part.clip for part in parts), strict=True)
        ],
    }
    for field in fields(parts[0]):
        if field.name not in joined:
            joined[field.name] = torch.cat([getattr(part, field.name) for part in parts], dim=1)
    return type(parts[0])(**joined)  # type: ignore[arg-type]


def _join_groups(parts: Sequence[Tensor], layers: int) -> Tensor:
    """Join groups ``(l * b_i, ...)`` to ``(l * b, ...)``."""
    return torch.cat([part.unflatten(0, (layers, -1)) for part in parts], dim=1).flatten(0, 1)
