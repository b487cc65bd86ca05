import math

import pytest
import torch

from baselines.urvos.cross_attention import (
    CellAttention,
    CrossModalAttention,
    PairAttention,
    PairConv,
    cell_coordinates,
    word_positions,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def pairs_of(cells, words):
    """``[cell ; word]`` for every pair, ``(b * l, e + e, h, w)``."""
    height, width = cells.shape[-2:]
    count, length = len(cells), words.shape[1]
    seen = cells[:, None].expand(-1, length, -1, -1, -1)
    text = words[:, :, :, None, None].expand(count, -1, -1, height, width)
    return torch.cat((seen, text), dim=2).flatten(0, 1)


def test_pair_convolution_is_the_convolution_of_the_pairs():
    conv = PairConv(6, 5, 7)
    cells, words = torch.randn(2, 6, 4, 3), torch.randn(1, 3, 5)
    expected = torch.nn.functional.conv2d(pairs_of(cells, words), conv.weight, conv.bias, padding=1)
    torch.testing.assert_close(conv(cells, words), expected.unflatten(0, (2, 3)), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_pair_attention_follows_the_definition(scaled, masked):
    layer = PairAttention(8, heads=2)
    cells, words = torch.randn(2, 8, 3, 2), torch.randn(1, 4, 8)
    padding = torch.tensor([[False, False, True, True]])
    got = layer(cells, words, padding, scaled=scaled, masked=masked)
    used = words[:, :2] if masked else words
    for frame in range(2):
        maps = [
            conv(cells[frame : frame + 1], used)[0] for conv in (layer.query, layer.key, layer.value, layer.residual)
        ]
        query, key, value, residual = (x.permute(0, 2, 3, 1).reshape(-1, 8) for x in maps)  # pairs, channels
        out = torch.zeros_like(value)
        for part in (slice(0, 4), slice(4, 8)):
            logits = query[:, part] @ key[:, part].T / (2 if scaled else 1)
            out[:, part] = logits.softmax(-1) @ value[:, part]
        expected = (out + residual).view(used.shape[1], 3, 2, 8).mean(0).permute(2, 0, 1)
        torch.testing.assert_close(got[frame], expected, atol=1e-5, rtol=1e-4)


def test_a_sentence_without_words_is_not_masked_away():
    layer = PairAttention(8, heads=2)
    padding = torch.ones(1, 3, dtype=torch.bool)
    got = layer(torch.randn(1, 8, 2, 2), torch.randn(1, 3, 8), padding, scaled=False, masked=True)
    assert got.isfinite().all()


def test_cells_gather_without_scale_and_add_their_value():
    layer = CellAttention(5, 6)
    x = torch.randn(1, 5, 3, 2)
    query, key, value = (conv(x)[0].flatten(1).T for conv in (layer.query, layer.key, layer.value))
    expected = ((query @ key.T).softmax(-1) @ value + value).T.view(6, 3, 2)
    torch.testing.assert_close(layer(x)[0], expected, atol=1e-5, rtol=1e-4)


def test_coordinates_span_the_map():
    place = cell_coordinates(2, 4, torch.zeros(1))
    assert place.shape == (1, 8, 2, 4)
    assert place[0, :, 0, 0].tolist() == [-1, -1, -0.75, -0.5, -0.5, 0, 0.25, 0.5]
    assert place[0, [4, 5], 1, 3].tolist() == [1, 1]


def test_word_positions_are_sines_and_cosines():
    place = word_positions(3, 4, torch.zeros(1))
    assert place[2].tolist() == pytest.approx(
        [math.sin(2), math.cos(2), math.sin(2 / 100), math.cos(2 / 100)], abs=1e-6
    )


def test_the_order_of_words_matters():
    layer = CrossModalAttention(4, 6, inside=8, heads=2)
    words = torch.randn(1, 3, 6)
    assert not torch.allclose(layer.read(words).flip(1), layer.read(words.flip(1)), atol=1e-3)
