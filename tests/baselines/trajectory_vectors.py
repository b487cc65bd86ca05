"""Parity checks that LMPM and DsHmp share: how the network is run, which arrays must agree, and how well."""

import numpy as np
import torch

from baselines.dshmp.method import PIXEL_STD as DSHMP_STD
from baselines.layers.inference.query_segmenter import SegmenterSettings, network_input, union_masks
from baselines.layers.inputs.resize import PIXEL_MEAN, PIXEL_STD
from tests.baselines.parity import check_close, strided

LMPM_SETTINGS = SegmenterSettings(448, 1333, PIXEL_MEAN, PIXEL_STD, 0.8, 18, 72, "float32")
DSHMP_SETTINGS = SegmenterSettings(448, 1333, PIXEL_MEAN, DSHMP_STD, 0.5, 18, 72, "float32")
STATIC, MOTION = (1, 2, 4), (3, 5)
"""Split of the sentence by the vectors' toy tagger."""
STRICT = ("lmpm_9x100x180", "dshmp_5x128x224")
"""Files in which no mask logit of the frame decoder is borderline, so that everything after it agrees as well."""


@torch.inference_mode()
def run_on(network, settings, sentence, frames):
    """Every stored array, by its name in the files, from uint8 frames ``(t, 3, h, w)`` that are already resized."""
    frames = torch.from_numpy(frames)
    stem = network.stem(network_input(frames, settings))
    maps = network.backbone(stem, sentence.words, sentence.mask)
    features = network.encode_frames(stem, sentence)
    logits, embeddings = network.encode_clip(features.queries, sentence)
    masks = union_masks(network.mask_features(features.fine), embeddings, tuple(frames.shape[2:]), (180, 320))
    return {
        "out_lang": sentence.feature,
        "out_res2": strided(maps[0]),
        "out_res3": strided(maps[1]),
        "out_res4": strided(maps[2]),
        "out_res5": maps[3],
        "out_mask_features": strided(features.fine),
        "out_frame_queries": features.queries[None],
        "out_frame_pred_logits": features.logits,
        "out_pred_logits": logits[None, None],
        "out_pred_mask_embed": embeddings[None, None],
        "out_masks_all_queries": masks[None].to(torch.uint8),
    }


def check_outputs(ours, vectors, *, strict):
    """Compare our arrays with a file's.

    The mask threshold of the frame decoder is discontinuous: where a stored mask logit is within 1e-5 of 0, noise flips
    an attended cell and moves that frame's queries. So one frame may be off unless ``strict``, the clip module's arrays
    have 5e-3, and a thousandth of the pixels may differ.
    """
    assert {name for name in vectors if name.startswith("out_")} == set(ours)
    for name in ("out_lang", "out_res2", "out_res3", "out_res4", "out_res5", "out_mask_features"):
        check_close(name, ours[name], vectors[name])
    for name in ("out_frame_queries", "out_frame_pred_logits"):
        got = ours[name].numpy()
        assert got.shape == vectors[name].shape
        close = np.isclose(got, vectors[name], atol=1e-3, rtol=1e-3)
        frames_off = (~close.reshape(-1, *close.shape[-2:]).all(axis=(1, 2))).sum()
        assert frames_off <= (0 if strict else 1), f"{name}: {frames_off} frames are off"
    for name in ("out_pred_logits", "out_pred_mask_embed"):
        check_close(name, ours[name], vectors[name], atol=1e-3 if strict else 5e-3)
    masks, expected = ours["out_masks_all_queries"].numpy(), vectors["out_masks_all_queries"]
    assert masks.shape == expected.shape
    assert (masks != expected).mean() <= (1e-5 if strict else 1e-3)


@torch.inference_mode()
def check_clip_module(network, sentence, vectors):
    """Compare the clip module alone with a file, fed with the file's own frame queries: strictly, in every file."""
    logits, embeddings = network.encode_clip(torch.from_numpy(vectors["out_frame_queries"][0]), sentence)
    check_close("out_pred_logits", logits[None, None], vectors["out_pred_logits"], atol=1e-4, rtol=1e-4)
    check_close("out_pred_mask_embed", embeddings[None, None], vectors["out_pred_mask_embed"], atol=1e-4, rtol=1e-4)
