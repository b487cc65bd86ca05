"""OnlineRefer against the original's outputs, frame by frame."""

import numpy as np
import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.language_queries import QueryStart
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
    frames = model.encode(torch.from_numpy(arrays["in_frames"].astype(np.float32)))
    first = model.first_queries()
    check_close("empty_ref_pts", inverse_sigmoid(first.reference), arrays["out_empty_ref_pts"])
    carried = first
    for t, features in enumerate(frames):
        # From the original's state of the frame before, so that rounding does not add up over the frames.
        frame = model(features, words, stored_state(arrays, t - 1) if t else first)
        segmented, found = frame.segmented, frame.segmented.found
        ours = {
            "hs": found.states[:, 0],
            "init_reference": found.first_reference,
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
        check_close(f"f{t}_next_reference", frame.next_queries.reference, stored_state(arrays, t).reference.numpy())
        # From our own state: the same query, box and pixels.
        own = model(features, words, carried)
        assert own.best == frame.best
        check_close(f"f{t} own boxes", own.segmented.boxes[0], arrays[f"out_f{t}_pred_boxes"])
        check_pixels(f"f{t} own masks", own.segmented.masks[0], arrays[f"out_f{t}_pred_masks"], undecided=3e-3)
        carried = own.next_queries


def stored_state(arrays, t):
    """The original's queries after frame t; its reference is a logit, which amplifies rounding near 0 and 1."""
    content, position, logits = (
        torch.from_numpy(arrays[f"out_f{t}_next_{name}"]) for name in ("content", "position", "ref_pts")
    )
    return QueryStart(content, position, logits.sigmoid())


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
