"""Forward pass of trajectory networks (LMPM, DsHmp) in training: predictions of every decoder layer.

Axes: l frame-decoder layers whose queries the clip module sees, t frames, k trajectory queries, c channels.
"""

import torch
from torch import Tensor

from baselines.layers.nn.trajectory_network import SentenceT, TrajectoryNetwork
from baselines.layers.training.set_criterion import SetOutputs
from baselines.layers.training.trajectory_outputs import CLIP_DECODER_INPUTS, TrajectoryOutputs


def training_outputs(
    network: TrajectoryNetwork[SentenceT], stem: Tensor, sentence: SentenceT
) -> tuple[TrajectoryOutputs, Tensor]:
    """Predict one clip (b = 1); its window attention is never shifted, as in the authors' training.

    Args:
        network: The network.
        stem: Of normalized and padded images, by ``network.stem``; the authors train with t = one window.
        sentence: The clip's expression.

    Returns:
        The predictions, and the trajectory queries of the last layer, ``(l, k, c)``.
    """
    decoder, clip_module = network.sem_seg_head.predictor, network.vita_module
    maps = network.backbone(stem, sentence.words, sentence.mask)
    with torch.autocast(stem.device.type, enabled=False):
        features = network.sem_seg_head.pixel_decoder([x.float() for x in maps])
    frame_queries = list(decoder.layer_queries(features, sentence))
    encoded = clip_module.encode(torch.stack(frame_queries[-CLIP_DECODER_INPUTS:]), sentence, shifting=False)
    clip_queries = list(clip_module.layer_queries(encoded, sentence))
    mask_features = network.mask_features(features.fine)
    outputs = TrajectoryOutputs(
        frame=[
            SetOutputs(decoder.class_embed(x), features.mask_logits(decoder.mask_embed(x))[:, :, None])
            for x in frame_queries
        ],
        clip=[
            SetOutputs(
                clip_module.class_logits(x, sentence),
                torch.einsum("gkc,tchw->gkthw", clip_module.mask_embed(x), mask_features),
            )
            for x in clip_queries
        ],
        frame_embeddings=clip_module.sim_embed_frame(encoded)[:, None],
        clip_embeddings=clip_module.sim_embed_clip(clip_queries[-1])[:, None],
    )
    return outputs, clip_queries[-1]
