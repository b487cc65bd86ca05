"""MUTR's training objective: predictions of all decoder layers; matching and losses are ReferFormer's."""

from functools import partial

import torch

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipFeatures
from baselines.layers.training.query_layers import draw_layers, pack_layers
from baselines.layers.training.query_losses import (
    QueryLossConfig,
    QueryOutputs,
    QueryTargets,
    build_targets,
    compute_losses,
    match,
    total_loss,
)
from baselines.mutr.model import Mutr

__all__ = [
    "QueryLossConfig",
    "QueryOutputs",
    "QueryTargets",
    "build_targets",
    "compute_losses",
    "match",
    "predict_layers",
    "total_loss",
]


def predict_layers(network: Mutr, clip: ClipFeatures, words: Words) -> QueryOutputs:
    """Predict for one reference in one clip, a batch of 1, with every decoder layer.

    The queries of each layer interact over time, and each layer has its own class head, boxes and mask centers; at
    inference the original uses the first layer's.
    """
    found = network.find(clip, words)
    frames = found.states.shape[1]
    met = torch.stack([network.mti(states) for states in found.states])
    heads = zip(network.queries.class_embed, met, strict=True)
    logits = torch.stack([head(states).squeeze(-1) for head, states in heads])
    states = met[:, None].expand(-1, frames, -1, -1)
    masks = draw_layers(found, states, partial(network.queries.segment, clip, found, words))
    return pack_layers(logits[:, None].expand(-1, frames, -1), found.boxes, masks)
