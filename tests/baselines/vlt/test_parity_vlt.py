"""VLT against the original's outputs; ``ref_`` arrays are of a second implementation that agrees with it."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.vlt.config import VltConfig
from baselines.vlt.model import Vlt
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes

STRIDES = {"f5": 8, "f4": 8, "f3": 8, "fused": 8, "query_feature": 8, "tf_feature": 4}
"""Channels of a map that are kept in the vectors: every n-th."""


@pytest.mark.parametrize("path", parity_files("VLT"))
@torch.inference_mode()
def test_parity_vlt(path: Path) -> None:
    arrays = load_vectors(path)
    meta = json.loads(bytes(arrays["in_meta"]))
    with torch.device("meta"):
        network = Vlt(VltConfig(side=meta["size"], queries=meta["queries"])).eval()
    network.to_empty(device="cpu")
    fill_by_name(network)
    for name, ours in outputs(network, arrays["in_image"], arrays["in_words"]).items():
        close = 1e-6 if name == "logits" else 2e-5
        stored = arrays.get(f"out_{name}", arrays.get(f"ref_{name}"))
        check_close(name, ours[:, :: STRIDES.get(name, 1)], stored, atol=close, rtol=close)


def outputs(network: Vlt, image: np.ndarray, vectors: np.ndarray) -> dict[str, Tensor]:
    """Every array of a vector, from its inputs."""
    pyramid, words = network.backbone(torch.from_numpy(image)), network.read(torch.from_numpy(vectors))
    seen: dict[str, Tensor] = {}
    hooks = [
        network.fusion.register_forward_hook(lambda _m, _i, out: seen.update(fused=out)),
        network.neck.register_forward_hook(lambda _m, _i, out: seen.update(query_feature=out[0], tf_feature=out[1])),
    ]
    responses = network.respond(pyramid, words)
    for hook in hooks:
        hook.remove()
    seen |= {"f3": pyramid.stride8, "f4": pyramid.stride16, "f5": pyramid.stride32}
    seen |= {"words": words.words, "sentence": words.sentence, **responses._asdict()}
    return seen | {"logits": network.draw(responses.balanced)[:, None]}


@pytest.mark.parametrize(("side", "queries"), [(128, 16), (416, 16)])
def test_keys_are_those_of_the_vectors(side: int, queries: int) -> None:
    with torch.device("meta"):
        network = Vlt(VltConfig(side=side, queries=queries))
    assert shapes(network) == expected_keys(f"VLT_{side}")


def test_sizes_are_the_authors() -> None:
    with torch.device("meta"):
        network = Vlt(VltConfig(side=128))
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 3) == 88.998
