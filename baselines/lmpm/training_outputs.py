"""LMPM's forward pass in training: predictions of every decoder layer, for one clip with its expression."""

import torch
from torch import Tensor

from baselines.layers.training.set_criterion import SetOutputs
from baselines.layers.training.trajectory_outputs import CLIP_DECODER_INPUTS, TrajectoryOutputs
from baselines.lmpm.model import Lmpm, Sentence


def training_outputs(network: Lmpm, images: Tensor, sentence: Sentence) -> TrajectoryOutputs:
    """Predict one clip (b = 1); its window attention is never shifted, as in the authors' training.

    Args:
        network: The network.
        images: Normalized and padded, ``(t, 3, H, W)``; the authors train with t = 6, one window.
        sentence: The clip's expression.
    """
    decoder, clip_module = network.sem_seg_head.predictor, network.vita_module
    maps = network.backbone(network.stem(images), sentence.words, sentence.mask)
    features = network.sem_seg_head.pixel_decoder(maps)
    frame_queries = list(decoder.layer_queries(features, sentence.feature))
    memory = clip_module.encode(torch.stack(frame_queries[-CLIP_DECODER_INPUTS:]), shifting=False)
    clip_queries = list(clip_module.layer_queries(memory, sentence.feature))
    mask_features = network.mask_features(features.fine)
    return TrajectoryOutputs(
        frame=[
            SetOutputs(decoder.class_embed(x), features.mask_logits(decoder.mask_embed(x))[:, :, None])
            for x in frame_queries
        ],
        clip=[
            SetOutputs(
                clip_module.class_logits(x, sentence.feature),
                torch.einsum("gkc,tchw->gkthw", clip_module.mask_embed(x), mask_features),
            )
            for x in clip_queries
        ],
        frame_embeddings=clip_module.sim_embed_frame(memory)[:, None],
        clip_embeddings=clip_module.sim_embed_clip(clip_queries[-1])[:, None],
    )
