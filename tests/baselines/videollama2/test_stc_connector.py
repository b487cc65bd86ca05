"""VideoLLaMA 2's connector agrees with the original, small and at the published sizes."""

from pathlib import Path

import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from baselines.videollama2.stc_connector import StcConnector
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes
from tests.baselines.small_vectors import check_thinned, load_small_vector

# v2 pads the reduction, v2.1 ("v35" in the authors' code) does not.
PADDING = {"stc": 1, "stcv35": 0}


@pytest.mark.parametrize("path", parity_files("stc"))
def test_parity_stc_connector(path: Path) -> None:
    vectors = load_vectors(path)
    version = path.stem.split("_")[1]
    keys = expected_keys("_".join(path.stem.split("_")[1:3]))
    seen = outputs(vectors, version, vectors["out_tokens"].shape[-1], keys)
    assert seen.keys() == {key for key in vectors if key.startswith("out_")}
    for key, ours in seen.items():
        check_close(key, as_stored(key, ours), vectors[key], atol=1e-4, rtol=1e-4)


def test_small_vector() -> None:
    vectors = load_small_vector("videollama2", "in_features")
    for key, ours in outputs(vectors, "stc").items():
        check_thinned(key, as_stored(key, ours), vectors[key], atol=1e-4, rtol=1e-4)


def as_stored(key: str, output: Tensor) -> Tensor:
    """Every n-th channel, so that 64 are left, but for the tokens."""
    return output if key == "out_tokens" else output[:, :: output.shape[1] // 64]


def outputs(
    vectors: dict[str, NDArray], version: str, channels: int = 64, keys: dict[str, tuple[int, ...]] | None = None
) -> dict[str, Tensor]:
    """Outputs of the connector's parts; ``keys``: the expected shapes of its state dict."""
    features = torch.from_numpy(vectors["in_features"])
    with torch.device("meta"):  # half a billion parameters need no initial values first
        connector = StcConnector(features.shape[-1], channels, PADDING[version]).eval()
    connector.to_empty(device="cpu")
    assert keys in (None, shapes(connector))
    fill_by_name(connector)
    seen: dict[str, Tensor] = {}
    for name in ("s1.b1", "s1", "sampler", "s2"):
        key = f"out_{name.replace('.', '_')}"
        connector.get_submodule(name).register_forward_hook(lambda _m, _i, out, key=key: seen.update({key: out}))
    with torch.inference_mode():
        seen["out_tokens"] = connector(features)
    return seen


@pytest.mark.parametrize(
    ("version", "frames", "side", "tokens"),
    [("stc", 8, 24, 845), ("stc", 16, 24, 1521), ("stcv35", 16, 27, 1352), ("stcv35", 5, 7, 2 * 3 * 3)],
)
def test_token_counts_of_the_paper(version: str, frames: int, side: int, tokens: int) -> None:
    connector = StcConnector(4, 8, PADDING[version], depth=1)
    assert connector(torch.zeros(1, frames, side * side, 4)).shape == (1, tokens, 8)
