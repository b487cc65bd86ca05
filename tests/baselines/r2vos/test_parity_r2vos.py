"""R2-VOS against the original's outputs; its keys and sizes against the authors' files."""

import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.text_encoder import build_roberta
from baselines.r2vos.checkpoint import authors_key
from baselines.r2vos.config import SIZES
from baselines.r2vos.model import R2Vos
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


@torch.no_grad()
def outputs(arrays):
    """Arrays of a vector by name, from its inputs, in the order of the network."""
    model = filled(R2Vos, "resnet50", authors_key)
    frames, ids = vector_inputs(arrays)
    with backbone_maps(model.queries) as maps:
        clip = model.encode(frames)
    seen = {}
    decoder = model.pixel_decoder
    hooks = [
        decoder.cross_attn.register_forward_hook(lambda *args: seen.update(block=args[2])),
        decoder.dyn_filter.register_forward_hook(lambda *args: seen.update(filter=args[2])),
    ]
    text = model.read(ids)
    answer = model(clip, text)
    for hook in hooks:
        hook.remove()
    _, sentence = text
    segmented, reading = answer.segmented, answer.reading
    cells, updated = seen["block"]
    return {
        "res2": maps[0][:, ::32, ::2, ::2],
        "res3": maps[1][:, ::32, ::2, ::2],
        "res5": maps[3][:, ::64],
        "sentence": sentence[None],
        "words_fused": updated,
        "vision_fused_c8": cells.unflatten(0, (len(frames), -1))[..., ::8],
        "filter": seen["filter"],
        "fpn32_c8": torch.cat(reading.coarse)[:, ::8],
        "pseudo_sentence": reading.pseudo[None],
        "pair_logit": answer.disagreement[None, None],
        "pair_probability": answer.disagreement.sigmoid()[None, None],
        "content": model.content(sentence, reading.pseudo),
        "init_reference": segmented.found.first_reference,
        "hs_c4": segmented.found.states[..., ::4],
        "inter_references": segmented.found.boxes,
        "pred_logits": segmented.logits[..., None],
        "best": segmented.logits.sigmoid().mean(0).argmax(),
        "pred_boxes": segmented.boxes,
        "mask_features": torch.cat(list(decoder(reading.coarse, segmented.found.memory[:2], clip.kept[0])))[
            :, ::16, ::2, ::2
        ],
        "pred_masks_q2": segmented.masks[:, ::2],
    }


@pytest.mark.parametrize("path", parity_files("R2VOS"))
def test_parity_r2vos(path):
    arrays = load_vectors(path)
    ours = outputs(arrays)
    check_stored(ours, arrays)
    check_pixels("pred_masks_q2", ours["pred_masks_q2"], arrays["out_pred_masks_q2"])


def test_small_vector():
    arrays = load_small_vector("r2vos")
    check_stored(outputs(arrays), arrays, thin=True)


@pytest.mark.parametrize("name", ["R2VOS_resnet50", "R2VOS_video_swin_t_p4w7"])
def test_keys_are_the_authors(name):
    with torch.device("meta"):
        network = R2Vos(backbone_of(name), TextReference(tiny_roberta()))
    expected = expected_keys(name)
    assert named_shapes(network, authors_key) == {key: expected[key] for key in expected if key not in ALIASES}


@pytest.mark.parametrize(("backbone", "entries", "millions"), [("resnet50", 745, 53.89), ("video-swin-t", 661, 54.61)])
def test_published_files_have_as_many_entries(backbone, entries, millions):
    with torch.device("meta"):
        network = R2Vos(backbone, TextReference(build_roberta(SIZES["base"].text)))
    assert len(network.state_dict()) + len(ALIASES) == entries
    # The count includes the constants of a ResNet's norms.
    tensors = network.state_dict().items()
    own = [value for name, value in tensors if value.is_floating_point() and "text_encoder" not in name]
    assert sum(value.numel() for value in own) / 1e6 == pytest.approx(millions, abs=0.005)
