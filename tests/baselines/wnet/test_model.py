"""WNet's network agrees with the original; its parts with plain definitions."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.wnet.config import SIZES
from baselines.wnet.mask_head import BoxAttention, DeformableConv
from baselines.wnet.model import WNet
from baselines.wnet.transformer import token_positions
from tests.baselines.parity import (
    check_close,
    check_pixels,
    expected_keys,
    fill_by_name,
    load_vectors,
    parity_files,
    shapes,
)
from tests.baselines.small_vectors import check_thinned, load_small_vector


@pytest.mark.parametrize(("frames", "name"), [(5, "Wnet"), (36, "Wnet_nf36")])
def test_keys_are_those_of_the_published_file(frames: int, name: str) -> None:
    with torch.device("meta"):
        assert shapes(WNet(frames)) == expected_keys(name)


@torch.inference_mode()
def outputs(arrays: dict[str, NDArray]) -> dict[str, Tensor]:
    """Every ``out_*`` array of a vector, from its inputs."""
    frames = torch.from_numpy(arrays["in_frames"])
    model = WNet(len(frames)).eval()
    fill_by_name(model)
    found = model(model.encode(frames), torch.from_numpy(arrays["in_audio"]))
    return {"out_pred_boxes": found.pred_boxes, "out_pred_masks": found.pred_masks}


@pytest.mark.parametrize("path", parity_files("Wnet"))
def test_parity_wnet(path: Path) -> None:
    arrays = load_vectors(path)
    ours = outputs(arrays)
    assert set(ours) == {name for name in arrays if name.startswith("out_")}
    for name, array in ours.items():
        check_close(name, array, arrays[name])
    check_pixels("out_pred_masks", ours["out_pred_masks"], arrays["out_pred_masks"])


def test_small_vector() -> None:
    arrays = load_small_vector("wnet")
    for name, array in outputs(arrays).items():
        check_thinned(name, array, arrays[name])


def test_a_deformable_convolution_without_offsets_is_a_convolution() -> None:
    torch.manual_seed(0)
    layer = DeformableConv(4, 6)
    x = torch.randn(2, 4, 7, 9)
    expected = F.conv2d(x, layer.weight, padding=1)
    assert torch.allclose(layer(x, torch.zeros(2, 18, 7, 9)), expected, atol=1e-5)


def test_offsets_are_rows_then_columns() -> None:
    torch.manual_seed(0)
    layer = DeformableConv(1, 1)
    x = torch.randn(1, 1, 7, 9)
    offsets = torch.zeros(1, 18, 7, 9)
    offsets[:, 0::2] = 2.0  # every tap reads two rows further down
    shifted = F.pad(x, (0, 0, 0, 2))[:, :, 2:]
    expected = F.conv2d(shifted, layer.weight, padding=1)
    assert torch.allclose(layer(x, offsets)[:, :, 1:-2], expected[:, :, 1:-2], atol=1e-5)


def test_attention_is_shared_out_over_heads_and_places_of_one_frame() -> None:
    torch.manual_seed(0)
    weights = BoxAttention(SIZES["base"])(torch.randn(3, 384), torch.randn(3, 384, 2, 5))
    assert weights.shape == (3, 8, 2, 5)
    assert torch.allclose(weights.sum((1, 2, 3)), torch.ones(3))


def test_positions_count_tokens_and_skip_those_that_begin_with_zero() -> None:
    tokens = torch.ones(4, 1, 384)
    tokens[2, 0, 0] = 0
    table = token_positions(tokens)[:, 0]
    assert not table[0].any()
    assert not table[2].any()
    assert torch.allclose(table[3, :2], torch.tensor([3.0, 3.0 * 10000 ** (-1 / 191)]).sin())
    assert torch.allclose(table[3, 192], torch.tensor(3.0).cos())
