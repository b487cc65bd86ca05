"""OnlineRefer's training objective: ReferFormer's matching and losses in every frame by itself.

The query that the network prefers is passed on, not the one that is assigned to the object.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from baselines.layers.nn.cross_modal_fpn import Words
from baselines.layers.nn.language_queries import ClipFeatures
from baselines.layers.training.query_layers import draw_layers, pack_layers
from baselines.layers.training.query_losses import QueryOutputs, compute_losses, total_loss
from baselines.layers.training.query_training import LOSSES, Predicted, join_outputs, sentence_targets
from baselines.onlinerefer.model import OnlineRefer


def predict_frames(network: OnlineRefer, clip: Sequence[ClipFeatures], words: Words) -> list[QueryOutputs]:
    """Predict for one sentence in every frame of one clip, in order, with every decoder layer."""
    queries, outputs = network.first_queries(), []
    for frame in clip:
        found = network.find(frame, words, queries)
        heads = zip(network.queries.class_embed, found.states, strict=True)
        logits = torch.stack([head(states).squeeze(-1) for head, states in heads])
        masks = draw_layers(found, found.states, partial(network.queries.segment, frame, found, words))
        outputs.append(pack_layers(logits, found.boxes, masks))
        _, queries = network.follow(found, logits[-1], queries)
    return outputs


def frame_objective(predicted: Sequence[Predicted], mode: str, device: str) -> dict[str, Tensor]:
    """Mean over the frames of ReferFormer's losses; a frame counts for the clips that are long enough.

    Args:
        predicted: With the outputs of `predict_frames`.
        mode: See ``clip_sampling.Targets``.
        device: Of the network.
    """
    targets = [sentence_targets(one.clip, one.sentence, mode).to(device) for one in predicted]
    frames = []
    for frame in range(max(len(one.outputs) for one in predicted)):
        present = [
            (one.outputs[frame], target.at(frame))
            for one, target in zip(predicted, targets, strict=True)
            if frame < len(one.outputs)
        ]
        outputs, objects = zip(*present, strict=True)
        frames.append(compute_losses(join_outputs(outputs), list(objects), LOSSES))
    losses = {name: torch.stack([frame[name] for frame in frames]).mean() for name in frames[0]}
    return {"loss": total_loss(losses, LOSSES), **losses}
