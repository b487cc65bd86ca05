"""ReferFormer's training objective: predictions of all decoder layers, and the matching and losses on them."""

from functools import partial

import torch
from torch import Tensor

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
from baselines.referformer.model import ReferFormer

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


def predict_layers(network: ReferFormer, clip: ClipFeatures, text: tuple[Words, Tensor]) -> QueryOutputs:
    """Predict for one sentence in one clip, a batch of 1, with every decoder layer."""
    words, _ = text
    found = network.find(clip, text)
    heads = zip(network.queries.class_embed, found.states, strict=True)
    logits = torch.stack([head(states).squeeze(-1) for head, states in heads])
    draw = partial(network.queries.segment, clip, found, words)
    return pack_layers(logits, found.boxes, draw_layers(found, found.states, draw))
