"""Predictions of all decoder layers of ReferFormer and its successors, for training; inference gives one layer.

Axes: n decoder layers, t frames, q queries, c channels, h rows, w columns.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from baselines.layers.nn.language_queries import FoundQueries
from baselines.layers.training.query_losses import MASK_STRIDE, QueryOutputs, Refine


def draw_layers(found: FoundQueries, states: Tensor, draw: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """Draw the masks of all layers at once.

    Args:
        found: Boxes of every layer are also where its mask kernels look from; no gradient runs from masks to boxes.
        states: ``(n, t, q, c)``, what each layer's mask kernels are made of.
        draw: Draws masks ``(t, q, ...)`` from states ``(t, q, c)`` and centers ``(t, q, 2)``.

    Returns:
        ``(n, t, q, ...)``.
    """
    centers = found.boxes[..., :2].detach()
    drawn = draw(*(x.transpose(0, 1).flatten(1, 2) for x in (states, centers)))
    layers: Tensor = drawn.unflatten(1, (len(states), -1)).transpose(0, 1)
    return layers


def pack_layers(
    logits: Tensor, boxes: Tensor, masks: Tensor, *, stride: int = MASK_STRIDE, refine: Sequence[Refine] = ()
) -> QueryOutputs:
    """Pack the layers as a batch of one clip.

    Args:
        logits: ``(n, t, q)``.
        boxes: ``(n, t, q, 4)``.
        masks: ``(n, t, q, h, w)``.
        stride: See `QueryOutputs`.
        refine: Of every layer; empty: masks are not refined.
    """
    layers = [
        QueryOutputs(
            logits[layer][None, ..., None],
            boxes[layer][None],
            masks[layer][None],
            stride=stride,
            refine=tuple(refine[layer : layer + 1]),
        )
        for layer in range(len(logits))
    ]
    return layers[-1].after(layers[:-1])
