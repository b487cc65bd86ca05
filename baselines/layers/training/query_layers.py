"""Predictions of all decoder layers of ReferFormer and MUTR, for training; at inference the models give one layer.

Axes: n decoder layers, t frames, q queries, c channels.
"""

from torch import Tensor

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipFeatures, FoundQueries, LanguageQueries
from baselines.layers.training.query_losses import QueryOutputs


def layer_outputs(
    queries: LanguageQueries, clip: ClipFeatures, found: FoundQueries, words: Words, states: Tensor, logits: Tensor
) -> QueryOutputs:
    """Draw the masks of all layers at once and pack them as a batch of one clip.

    Args:
        queries: The network.
        clip: The encoded clip.
        found: Boxes of every layer are also where its mask kernels look from; no gradient runs from masks to boxes.
        words: The sentence.
        states: ``(n, t, q, c)``, what each layer's mask kernels are made of.
        logits: ``(n, t, q)``.
    """
    depth = len(states)
    centers = found.boxes[..., :2].detach()
    flat_states, flat_centers = (x.transpose(0, 1).flatten(1, 2) for x in (states, centers))
    drawn = queries.segment(clip, found, words, flat_states, flat_centers)
    masks = drawn.unflatten(1, (depth, -1)).transpose(0, 1)
    layers = [
        QueryOutputs(logits[layer][None, ..., None], found.boxes[layer][None], masks[layer][None])
        for layer in range(depth)
    ]
    last = layers[-1]
    return QueryOutputs(last.pred_logits, last.pred_boxes, last.pred_masks, tuple(layers[:-1]))
