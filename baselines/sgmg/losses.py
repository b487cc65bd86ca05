"""SgMg's training objective: ReferFormer's matching and losses on patches, and mask losses again on refined masks.

Axes: n decoder layers, t frames, q queries, h and w rows and columns.
"""

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.training.query_layers import draw_layers, pack_layers
from baselines.layers.training.query_losses import QueryOutputs
from baselines.sgmg.model import ClipFeatures, SgMg
from baselines.sgmg.refiner import PATCH

STRIDE = 2
"""Pixels per row and column of patches at stride 8, each of 4 x 4."""


def predict_layers(network: SgMg, clip: ClipFeatures, text: tuple[Words, Tensor]) -> QueryOutputs:
    """Predict for one sentence in one clip, a batch of 1, with every decoder layer; assigned queries are refined."""
    found = network.find(clip, text)
    heads = zip(network.queries.class_embed, found.states, strict=True)
    logits = torch.stack([head(states).squeeze(-1) for head, states in heads])
    patches = draw_layers(found, found.states, partial(network.draw, clip, found))
    masks = F.pixel_shuffle(patches.flatten(0, 2), PATCH).view(
        *patches.shape[:3], *(PATCH * x for x in patches.shape[-2:])
    )
    refine = [partial(refined_masks, network, clip, layer) for layer in patches]
    return pack_layers(logits, found.boxes, masks, stride=STRIDE, refine=refine)


def refined_masks(network: SgMg, clip: ClipFeatures, patches: Tensor, queries: Tensor) -> Tensor:
    """Refine the patches ``(t, q, 16, h, w)`` of queries, int64 ``(m,)``, to ``(t, m, H, W)``, padding included."""
    return torch.cat(list(network.refine(clip, patches[:, queries])))
