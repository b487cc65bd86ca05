"""LBDT's network agrees with the original."""

from pathlib import Path

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.lbdt.checkpoint import our_key
from baselines.lbdt.model import Lbdt
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes
from tests.baselines.small_vectors import check_thinned, load_small_vector


def their_key(ours: str) -> str:
    """Undo ``our_key``."""
    trunks = {"image_trunk": "1", "difference_trunk": "2"}
    stages = {"layer1": "res2", "layer2": "res3", "layer3": "res4", "layer4": "res5", "conv1": "conv1", "bn1": "bn1"}
    trunk, _, rest = ours.partition(".")
    if trunk not in trunks:
        return ours
    stage, _, rest = rest.partition(".")
    return f"{stages[stage]}_{trunks[trunk]}.{rest}"


@pytest.fixture(scope="module")
def model() -> Lbdt:
    model = Lbdt().eval()
    names = {key: their_key(key) for key in model.state_dict()}
    assert all(our_key(theirs) == ours for ours, theirs in names.items())
    fill_by_name(model, named_as=names)
    return model


def test_keys_are_those_of_the_published_file() -> None:
    with torch.device("meta"):
        model = Lbdt()
    assert shapes(model) == {our_key(key): shape for key, shape in expected_keys("LBDT").items()}
    assert round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 1) == 95.6


@pytest.mark.parametrize("path", parity_files("LBDT"))
def test_parity_lbdt(path: Path, model: Lbdt) -> None:
    arrays = load_vectors(path)
    ours = outputs(model, arrays)
    assert set(ours) == {name for name in arrays if name.startswith("out_")}
    for name, array in ours.items():
        check_close(name, array, arrays[name], atol=1e-4, rtol=1e-4)


def test_small_vector(model: Lbdt) -> None:
    arrays = load_small_vector("lbdt", "in_image", "in_difference")
    for name, array in outputs(model, arrays).items():
        check_thinned(name, array, arrays[name], atol=1e-4, rtol=1e-4)


@torch.inference_mode()
def outputs(model: Lbdt, arrays: dict[str, NDArray]) -> dict[str, Tensor]:
    """Every ``out_*`` array of a vector, from its inputs."""
    inputs = {name: torch.from_numpy(array) for name, array in arrays.items() if name.startswith("in_")}
    seen: dict[str, Tensor] = {}

    def keep(name: str):
        return lambda _module, _inputs, out: seen.update({name: out})

    hooks = [
        model.transformer["stage4"].register_forward_hook(keep("stage4")),
        model.transformer["stage5"].register_forward_hook(keep("stage5")),
        model.image_trunk.layer4.register_forward_hook(keep("out_res5_img")),
        model.decoder.fusion.register_forward_hook(keep("out_fusion")),
    ]
    words = model.encode_words(inputs["in_phrase"], inputs["in_phrase_mask"].bool())
    logits = model(model.encode_frames(inputs["in_image"], inputs["in_difference"]), words)
    for hook in hooks:
        hook.remove()
    longest = int(inputs["in_phrase_mask"].sum(1).max())
    out = {"out_text": words.words.transpose(0, 1)[:, :longest, ::8]}
    for stage in ("stage4", "stage5"):
        for name, ours in zip(("img", "flow"), seen[stage], strict=True):
            out[f"out_{stage}_{name}"] = ours.flatten(2).permute(2, 0, 1)[:, :, ::8]
    out["out_res5_img"] = seen["out_res5_img"][:, ::32]
    out["out_fusion"] = seen["out_fusion"][:, ::8]
    out["out_logits"] = logits
    return out
