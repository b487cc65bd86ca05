"""OnlineRefer against the original's outputs, frame by frame."""

import numpy as np
import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.nn.text_encoder import build_roberta
from baselines.onlinerefer.model import OnlineRefer
from tests.baselines.language_query_vectors import ALIASES, backbone_of, filled
from tests.baselines.parity import check_close, check_pixels, expected_keys, load_vectors, parity_files, tiny_roberta


@pytest.mark.parametrize("path", parity_files("OnlineRefer"))
@torch.no_grad()
def test_parity_onlinerefer(path):
    model, arrays = filled(OnlineRefer, backbone_of(path.stem), authors_key), load_vectors(path)
    words = model.read(torch.from_numpy(arrays["in_input_ids"]))
    queries = model.first_queries()
    check_close("empty_ref_pts", inverse_sigmoid(queries.reference), arrays["out_empty_ref_pts"])
    for t, features in enumerate(model.encode(torch.from_numpy(arrays["in_frames"].astype(np.float32)))):
        frame = model(features, words, queries)
        segmented, found = frame.segmented, frame.segmented.found
        ours = {
            "hs": found.states[:, 0],
            "init_reference": queries.reference,
            "inter_references": found.boxes[:, 0],
            "pred_logits": segmented.logits[0, :, None],
            "pred_boxes": segmented.boxes[0],
            "pred_masks": segmented.masks[0],
            "next_content": frame.next_queries.content,
            "next_position": frame.next_queries.position,
        }
        for name, values in ours.items():
            check_close(f"f{t}_{name}", values, arrays[f"out_f{t}_{name}"])
        check_pixels(f"f{t}_pred_masks", ours["pred_masks"], arrays[f"out_f{t}_pred_masks"])
        assert frame.best == arrays[f"out_f{t}_best"]
        # Compared as boxes: the logit of a value near 0 or 1 amplifies rounding.
        next_box = torch.from_numpy(arrays[f"out_f{t}_next_ref_pts"]).sigmoid().numpy()
        check_close(f"f{t}_next_ref_pts", frame.next_queries.reference, next_box)
        queries = frame.next_queries


@pytest.mark.parametrize("name", ["OnlineRefer_resnet50", "OnlineRefer_swin_t_p4w7"])
def test_keys_are_the_authors(name):
    expected = expected_keys(name)
    with torch.device("meta"):
        state = OnlineRefer(backbone_of(name), TextReference(tiny_roberta())).state_dict()
    ours = {authors_key(key): tuple(value.shape) for key, value in state.items()}
    assert ours == {
        key: shape for key, shape in expected.items() if key not in ALIASES and key != "criterion.empty_weight"
    }


@pytest.mark.parametrize(("backbone", "entries"), [("resnet50", 811), ("swin-t", 735), ("swin-l", 903)])
def test_published_files_have_as_many_entries(backbone, entries):
    with torch.device("meta"):
        state = OnlineRefer(backbone, TextReference(build_roberta())).state_dict()
    assert len(state) + len(ALIASES) + 1 == entries
