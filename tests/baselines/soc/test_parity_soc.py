"""SOC against the original's outputs; its keys and sizes against the authors' files."""

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.text_encoder import build_roberta
from baselines.soc.checkpoint import authors_key
from baselines.soc.config import SIZES
from baselines.soc.model import Soc
from tests.baselines.language_query_vectors import (
    aliases,
    backbone_maps,
    check_stored,
    filled,
    named_shapes,
    vector_inputs,
)
from tests.baselines.parity import check_pixels, expected_keys, load_vectors, parity_files, tiny_roberta
from tests.baselines.small_vectors import load_small_vector


@torch.no_grad()
def outputs(arrays):
    """Arrays of a vector by name, from its inputs, in the order of the network."""
    model = filled(Soc, "video-swin-t", authors_key)
    frames, ids = vector_inputs(arrays)
    with backbone_maps(model.queries) as maps:
        clip = model.encode(frames)
    text = model.read(ids)
    segmented = model(clip, text)
    found = segmented.found
    return {
        "res2": maps[0][:, ::16, ::2, ::2],
        "res3": maps[1][:, ::16, ::2, ::2],
        "res5": maps[3][:, ::16],
        "sentence": text[1][None],
        "init_reference": found.first_reference,
        "hs_c4": found.states[..., ::4],
        "inter_references": found.boxes,
        "voc": model.voc(found.states[-1][None], text[1])[0],
        "pred_cls": segmented.logits,
        "best": segmented.logits[..., 0].sigmoid().mean(0).argmax(),
        "pred_boxes": segmented.boxes,
        "mask_features": torch.cat(list(model.mask_features(clip, found)))[..., ::2, ::2],
        "pred_masks_q4": segmented.masks[:, ::4],
    }


@pytest.mark.parametrize("path", parity_files("SOC"))
def test_parity_soc(path):
    arrays = load_vectors(path)
    ours = outputs(arrays)
    check_stored(ours, arrays)
    check_pixels("pred_masks_q4", ours["pred_masks_q4"], arrays["out_pred_masks_q4"])


def test_small_vector():
    arrays = load_small_vector("soc")
    check_stored(outputs(arrays), arrays, thin=True)


def test_keys_are_the_authors():
    with torch.device("meta"):
        network = Soc("video-swin-t", TextReference(tiny_roberta()))
    expected = expected_keys("SOC_video_swin_t")
    assert named_shapes(network, authors_key) == {key: expected[key] for key in expected if key not in aliases(3)}


@pytest.mark.parametrize(
    ("backbone", "size", "entries"), [("video-swin-t", "base", 696), ("video-swin-b", "base-65", 864)]
)
def test_published_files_have_as_many_entries(backbone, size, entries):
    with torch.device("meta"):
        network = Soc(backbone, TextReference(build_roberta()), SIZES[size])
    assert len(network.state_dict()) + len(aliases(3)) == entries
    if backbone == "video-swin-t":
        own = [value for name, value in network.named_parameters() if "text_encoder" not in name]
        assert sum(value.numel() for value in own) / 1e6 == pytest.approx(49.48, abs=0.005)
