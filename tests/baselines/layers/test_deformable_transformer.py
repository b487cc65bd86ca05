import pytest
import torch
import torch.nn.functional as F

from baselines.layers.nn.deformable_transformer import (
    DeformableTransformer,
    LevelProjections,
    inverse_sigmoid,
    level_paddings,
)
from baselines.layers.nn.position_encoding import sine_encoding

WIDTH = 32


@pytest.fixture(scope="module")
def transformer():
    torch.manual_seed(0)
    model = DeformableTransformer(2, channels=WIDTH, feedforward=48, levels=2).eval()
    for parameter in model.parameters():  # the initial box heads and offsets are constants: nothing would be tested
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def _positions(paddings):
    return [sine_encoding(padding, WIDTH // 2, centered=True) for padding in paddings]


def _decode(transformer, maps, paddings):
    torch.manual_seed(1)
    content, position, points = torch.randn(1, 5, WIDTH), torch.randn(1, 5, WIDTH), torch.rand(1, 5, 2)
    encoded = transformer.encode(maps, _positions(paddings), paddings)
    return encoded, transformer.decoder(content, position, points, encoded)


@torch.no_grad()
def test_padding_changes_nothing(transformer):
    torch.manual_seed(2)
    maps = [torch.randn(1, WIDTH, 6, 8), torch.randn(1, WIDTH, 3, 4)]
    alone, decoded = _decode(transformer, maps, [torch.zeros(1, *m.shape[-2:], dtype=torch.bool) for m in maps])
    padded = [F.pad(m, (0, m.shape[-1] // 2, 0, m.shape[-2] // 3), value=7.0) for m in maps]
    paddings = [torch.ones(1, *m.shape[-2:], dtype=torch.bool) for m in padded]
    for padding, m in zip(paddings, maps, strict=True):
        padding[:, : m.shape[-2], : m.shape[-1]] = False
    beside, decoded_beside = _decode(transformer, padded, paddings)
    for ours, theirs, m in zip(beside.maps(), alone.maps(), maps, strict=True):
        torch.testing.assert_close(ours[..., : m.shape[-2], : m.shape[-1]], theirs, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(decoded_beside.boxes, decoded.boxes, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(decoded_beside.states, decoded.states, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_boxes_start_from_the_points_and_are_refined_layer_by_layer(transformer):
    maps = [torch.randn(1, WIDTH, 4, 4), torch.randn(1, WIDTH, 2, 2)]
    paddings = [torch.zeros(1, *m.shape[-2:], dtype=torch.bool) for m in maps]
    _, decoded = _decode(transformer, maps, paddings)
    first, second = transformer.decoder.bbox_embed
    torch.manual_seed(1)
    _, _, points = torch.randn(1, 5, WIDTH), torch.randn(1, 5, WIDTH), torch.rand(1, 5, 2)
    delta = first(decoded.states[0])
    expected = torch.cat((delta[..., :2] + inverse_sigmoid(points), delta[..., 2:]), dim=-1).sigmoid()
    torch.testing.assert_close(decoded.boxes[0], expected)
    expected = (second(decoded.states[1]) + inverse_sigmoid(decoded.boxes[0])).sigmoid()
    torch.testing.assert_close(decoded.boxes[1], expected)


def test_a_reference_is_a_constant_to_the_next_layer(transformer):
    maps = [torch.randn(1, WIDTH, 4, 4), torch.randn(1, WIDTH, 2, 2)]
    _, decoded = _decode(transformer, maps, [torch.zeros(1, *m.shape[-2:], dtype=torch.bool) for m in maps])
    first, second = (head.layers[-1].bias for head in transformer.decoder.bbox_embed)
    before, own = torch.autograd.grad(decoded.boxes[1].sum(), (first, second))
    assert before.abs().max() == 0
    assert own.abs().min() > 0


def test_a_fresh_box_head_leaves_the_reference_and_starts_with_small_boxes():
    torch.manual_seed(0)
    model = DeformableTransformer(2, channels=WIDTH, feedforward=48, levels=2)
    maps = [torch.randn(1, WIDTH, 4, 4), torch.randn(1, WIDTH, 2, 2)]
    _, decoded = _decode(model, maps, [torch.zeros(1, *m.shape[-2:], dtype=torch.bool) for m in maps])
    torch.manual_seed(1)
    _, _, points = torch.randn(1, 5, WIDTH), torch.randn(1, 5, WIDTH), torch.rand(1, 5, 2)
    torch.testing.assert_close(decoded.boxes[1, ..., :2], points)
    torch.testing.assert_close(decoded.boxes[1, ..., 2:], torch.full((1, 5, 2), -2.0).sigmoid())


def test_extra_levels_come_from_the_raw_coarsest_map_then_from_each_other():
    projections = LevelProjections([5, 7], width=32, levels=4).eval()
    maps = [torch.randn(1, 5, 8, 12), torch.randn(1, 7, 4, 6)]
    levels = projections(maps)
    assert [tuple(level.shape[1:]) for level in levels] == [(32, 8, 12), (32, 4, 6), (32, 2, 3), (32, 1, 2)]
    torch.testing.assert_close(levels[2], projections[2](maps[1]))
    torch.testing.assert_close(levels[3], projections[3](levels[2]))


def test_paddings_shrink_to_the_maps():
    padding = torch.zeros(1, 8, 8, dtype=torch.bool)
    padding[:, :, 4:] = True
    (small,) = level_paddings(padding, [torch.empty(1, 1, 2, 4)])
    assert small.tolist() == [[[False, False, True, True]] * 2]


def test_inverse_sigmoid_is_finite_at_the_ends():
    x = torch.tensor([0.0, 0.25, 1.0, 1.5])
    torch.testing.assert_close(inverse_sigmoid(x).sigmoid(), torch.tensor([0.0, 0.25, 1.0, 1.0]), atol=2e-5, rtol=0)
    assert inverse_sigmoid(x).isfinite().all()
