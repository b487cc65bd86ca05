"""SgMg against the original's outputs; its keys and sizes against the authors' files."""

from functools import partial

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.text_encoder import build_roberta
from baselines.sgmg.checkpoint import authors_key
from baselines.sgmg.model import SgMg
from tests.baselines.language_query_vectors import (
    ALIASES,
    backbone_maps,
    backbone_of,
    check_stored,
    filled,
    named_shapes,
    vector_inputs,
)
from tests.baselines.parity import check_pixels, expected_keys, load_vectors, parity_files, tiny_roberta
from tests.baselines.small_vectors import load_small_vector

REFERENCE = partial(TextReference, separate=True)


@torch.no_grad()
def outputs(arrays):
    """Arrays of a vector by name, from its inputs, in the order of the network."""
    model = filled(SgMg, "video-swin-t", authors_key, REFERENCE)
    frames, ids = vector_inputs(arrays)
    with backbone_maps(model.queries) as maps:
        clip = model.encode(frames)
    text = model.read(ids)
    fused = [torch.cat(level.maps) for level in model.fuse(clip, text[0])]
    segmented = model(clip, text)
    best = segmented.logits.sigmoid().mean(0).argmax()
    patches = segmented.patches[:, best]
    masks = torch.cat(list(model.refine(clip, patches[:, None])))[:, 0]
    return {
        "res2": maps[0][:, ::16, ::2, ::2],
        "res3": maps[1][:, ::16, ::2, ::2],
        "res5": maps[3][:, ::32],
        "high_filter_first": clip.gaussians[0],
        "high_filter_last": clip.gaussians[-1],
        "src0": fused[0][:, ::32],
        **{f"src{level}": fused[level][:, ::16] for level in (1, 2, 3)},
        "memory8": torch.cat(segmented.found.memory[0].maps)[:, ::32],
        "init_reference": segmented.found.first_reference,
        "hs_c4": segmented.found.states[..., ::4],
        "inter_references": segmented.found.boxes,
        "all_logits": segmented.logits,
        "best": best,
        "pred_logits": segmented.logits[:, best, None, None],
        "pred_boxes": segmented.boxes[:, best, None],
        "patch_masks_c2": patches[:, ::2],
        "refined_c4_s2": model.mask_refine(patches, torch.cat(clip.middle), torch.cat(clip.fine))[:, ::4, ::2, ::2],
        "pred_masks_s4": masks[:, ::4, ::4],
        "pred_masks_f0_s1": masks[0, :48, :48],
    }


@pytest.mark.parametrize("path", parity_files("SgMg"))
def test_parity_sgmg(path):
    arrays = load_vectors(path)
    ours = outputs(arrays)
    check_stored(ours, arrays)
    for name in ("pred_masks_s4", "pred_masks_f0_s1"):
        check_pixels(name, ours[name], arrays[f"out_{name}"])


def test_small_vector():
    arrays = load_small_vector("sgmg")
    check_stored(outputs(arrays), arrays, thin=True)


def test_keys_are_the_authors():
    with torch.device("meta"):
        network = SgMg(backbone_of("SgMg_video_swin_t_p4w7"), REFERENCE(tiny_roberta()))
    expected = expected_keys("SgMg_video_swin_t_p4w7")
    assert named_shapes(network, authors_key) == {key: expected[key] for key in expected if key not in ALIASES}


@pytest.mark.parametrize(("backbone", "entries"), [("video-swin-t", 698), ("video-swin-b", 866)])
def test_published_files_have_as_many_entries(backbone, entries):
    with torch.device("meta"):
        network = SgMg(backbone, REFERENCE(build_roberta()))
    assert len(network.state_dict()) + len(ALIASES) == entries
    if backbone == "video-swin-t":
        own = [value for name, value in network.named_parameters() if "text_encoder" not in name]
        assert sum(value.numel() for value in own) / 1e6 == pytest.approx(53.23, abs=0.005)
