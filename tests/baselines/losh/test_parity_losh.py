"""LoSh against the original's outputs: MTTR's network on the long and on the short expression."""

import pytest
import torch

from baselines.layers.nn.text_encoder import build_roberta
from baselines.mttr.model import Mttr
from tests.baselines.language_query_vectors import check_stored, vector_inputs
from tests.baselines.parity import (
    check_pixels,
    expected_keys,
    fill_by_name,
    load_vectors,
    parity_files,
    shapes,
    tiny_roberta,
)


@torch.no_grad()
def outputs(arrays):
    """Arrays of a vector by name: both expressions on the same clip."""
    model = Mttr(tiny_roberta(pooler=False)).eval()
    fill_by_name(model)
    frames, ids = vector_inputs(arrays)
    clip = model.encode(frames)
    ours = {}
    for name, text in (("long", ids), ("short", torch.from_numpy(arrays["in_short_input_ids"]))):
        segmented = model(clip, model.read(text))
        ours[f"{name}_pred_is_referred"] = segmented.referred[-1, 0]
        ours[f"{name}_pred_masks_q20"] = segmented.masks(-1)[0, :, ::20]
    ours["best"] = ours["long_pred_is_referred"].softmax(-1)[..., 0].mean(0).argmax()
    return ours


@pytest.mark.parametrize("path", parity_files("LoSh"))
def test_parity_losh(path):
    arrays = load_vectors(path)
    ours = outputs(arrays)
    check_stored(ours, arrays)
    for name in ("long_pred_masks_q20", "short_pred_masks_q20"):
        check_pixels(name, ours[name], arrays[f"out_{name}"])


def test_keys_are_mttr_s():
    with torch.device("meta"):
        assert shapes(Mttr(tiny_roberta(pooler=False))) == expected_keys("LoSh")
        assert len(Mttr(build_roberta(pooler=False)).state_dict()) == 474
