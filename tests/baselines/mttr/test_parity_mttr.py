from functools import cache

import pytest
import torch

from baselines.layers.nn.text_encoder import build_roberta
from baselines.mttr.model import Mttr
from tests.baselines.parity import (
    check_close,
    check_pixels,
    expected_keys,
    fill_by_name,
    load_vectors,
    parity_files,
    shapes,
    tiny_roberta,
)
from tests.baselines.small_vectors import check_thinned, load_small_vector


@cache
def filled() -> Mttr:
    model = Mttr(tiny_roberta(pooler=False)).eval()
    fill_by_name(model)
    return model


@torch.no_grad()
def outputs(arrays):
    model = filled()
    clip = model.encode(torch.from_numpy(arrays["in_frames"]))
    answer = model(clip, model.read(torch.from_numpy(arrays["in_input_ids"])))
    return {
        "out_pred_is_referred": answer.referred[-1].transpose(0, 1),
        "out_pred_masks": answer.masks(-1).transpose(0, 1),
    }


@pytest.mark.parametrize("path", parity_files("MTTR"))
def test_parity_mttr(path):
    arrays = load_vectors(path)
    ours = outputs(arrays)
    assert set(ours) == {name for name in arrays if name.startswith("out_")}
    for name, array in ours.items():
        check_close(name, array, arrays[name])
    check_pixels("out_pred_masks", ours["out_pred_masks"], arrays["out_pred_masks"])


def test_small_vector():
    arrays = load_small_vector("mttr")
    for name, array in outputs(arrays).items():
        check_thinned(name, array, arrays[name])


def test_keys_are_the_authors():
    with torch.device("meta"):
        assert shapes(Mttr(tiny_roberta(pooler=False))) == expected_keys("MTTR")


def test_the_published_file_has_as_many_entries():
    with torch.device("meta"):
        model = Mttr(build_roberta(pooler=False))
    assert len(model.state_dict()) == 474
    visual = sum(p.numel() for name, p in model.named_parameters() if "text_encoder" not in name)
    assert round(visual / 1e6, 1) == 22.4
