"""LBDT's network agrees with the original."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from baselines.lbdt.checkpoint import our_key
from baselines.lbdt.model import Lbdt
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes


@pytest.fixture(scope="module")
def model() -> Lbdt:
    model = Lbdt().eval()
    their_key = {our_key(key): key for key in expected_keys("LBDT")}
    fill_by_name(model, named_as=their_key)
    return model


def test_keys_are_those_of_the_published_file() -> None:
    with torch.device("meta"):
        model = Lbdt()
    assert shapes(model) == {our_key(key): shape for key, shape in expected_keys("LBDT").items()}
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 1) == 95.6


@pytest.mark.parametrize("path", parity_files("LBDT"))
def test_parity_lbdt(path: Path, model: Lbdt) -> None:
    vectors = {name: torch.from_numpy(array) for name, array in load_vectors(path).items()}
    seen: dict[str, Tensor] = {}

    def keep(name: str):
        return lambda _module, _inputs, out: seen.update({name: out})

    hooks = [
        model.transformer["stage4"].register_forward_hook(keep("stage4")),
        model.transformer["stage5"].register_forward_hook(keep("stage5")),
        model.image_trunk.layer4.register_forward_hook(keep("out_res5_img")),
        model.decoder.fusion.register_forward_hook(keep("out_fusion")),
    ]
    with torch.inference_mode():
        words = model.encode_words(vectors["in_phrase"], vectors["in_phrase_mask"].bool())
        frames = model.encode_frames(vectors["in_image"], vectors["in_difference"])
        logits = model(frames, words)
    for hook in hooks:
        hook.remove()
    text = vectors["out_text"].numpy()
    check_close("out_text", words.words.transpose(0, 1)[:, : text.shape[1], ::8], text, atol=1e-4, rtol=1e-4)
    for stage in ("stage4", "stage5"):
        for name, ours in zip(("img", "flow"), seen.pop(stage), strict=True):
            seen[f"out_{stage}_{name}"] = ours.flatten(2).permute(2, 0, 1)[:, :, ::8]
    seen["out_res5_img"] = seen["out_res5_img"][:, ::32]
    seen["out_fusion"] = seen["out_fusion"][:, ::8]
    seen["out_logits"] = logits
    assert {*seen, "out_text"} == {name for name in vectors if name.startswith("out_")}
    for name, ours in seen.items():
        check_close(name, ours, vectors[name].numpy(), atol=1e-4, rtol=1e-4)
