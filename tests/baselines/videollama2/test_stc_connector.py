"""VideoLLaMA 2's connector agrees with the original, small and at the published sizes."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from baselines.videollama2.stc_connector import StcConnector
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes

# v2 pads the reduction, v2.1 ("v35" in the authors' code) does not.
PADDING = {"stc": 1, "stcv35": 0}


@pytest.mark.parametrize("path", parity_files("stc"))
def test_parity_stc_connector(path: Path) -> None:
    vectors = load_vectors(path)
    features = torch.from_numpy(vectors["in_features"])
    version = path.stem.split("_")[1]
    with torch.device("meta"):  # half a billion parameters need no initial values first
        connector = StcConnector(features.shape[-1], vectors["out_tokens"].shape[-1], PADDING[version]).eval()
    connector.to_empty(device="cpu")
    assert shapes(connector) == expected_keys("_".join(path.stem.split("_")[1:3]))
    fill_by_name(connector)
    seen: dict[str, Tensor] = {}
    for name in ("s1.b1", "s1", "sampler", "s2"):
        key = f"out_{name.replace('.', '_')}"
        connector.get_submodule(name).register_forward_hook(lambda _m, _i, out, key=key: seen.update({key: out}))
    with torch.inference_mode():
        seen["out_tokens"] = connector(features)
    assert seen.keys() == {key for key in vectors if key.startswith("out_")}
    for key, ours in seen.items():
        theirs = vectors[key]
        # Stored with every n-th channel, so that 64 are left.
        kept = ours[:, :: ours.shape[1] // theirs.shape[1]] if key != "out_tokens" else ours
        check_close(key, kept, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("version", "frames", "side", "tokens"),
    [("stc", 8, 24, 845), ("stc", 16, 24, 1521), ("stcv35", 16, 27, 1352), ("stcv35", 5, 7, 2 * 3 * 3)],
)
def test_token_counts_of_the_paper(version: str, frames: int, side: int, tokens: int) -> None:
    connector = StcConnector(4, 8, PADDING[version], depth=1)
    assert connector(torch.zeros(1, frames, side * side, 4)).shape == (1, tokens, 8)
