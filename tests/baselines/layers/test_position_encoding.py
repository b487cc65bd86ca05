import math

import pytest
import torch

from baselines.layers.nn.position_encoding import sine_encoding, sine_grid


def by_hand(padding, features, centered):
    """The definition, cell by cell."""
    batch, *size = padding.shape
    out = torch.zeros(batch, features * len(size), *size)
    for index in torch.cartesian_prod(*(torch.arange(n) for n in padding.shape)).reshape(-1, padding.dim()).tolist():
        for axis in range(len(size)):
            line = padding[tuple(slice(None) if i == axis + 1 else at for i, at in enumerate(index))]
            count = int((~line[: index[axis + 1] + 1]).sum())
            position = 2 * math.pi * (count - 0.5 * centered) / (int((~line).sum()) + 1e-6)
            for i in range(features):
                phase = position / 10000 ** (2 * (i // 2) / features)
                cell = (index[0], axis * features + i, *index[1:])
                out[cell] = math.sin(phase) if i % 2 == 0 else math.cos(phase)
    return out


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize("size", [(5,), (3, 4), (2, 3, 2)])
def test_every_cell_follows_the_definition(size, centered):
    padding = torch.zeros(2, *size, dtype=torch.bool)
    padding[1, ..., -1] = True
    padding[1, -1] = True
    got = sine_encoding(padding, 6, centered=centered)
    valid = ~padding[:, None]  # what stands on padding is never looked at
    torch.testing.assert_close(got * valid, by_hand(padding, 6, centered) * valid, atol=1e-5, rtol=0)


def test_a_grid_is_an_encoding_without_padding():
    expected = sine_encoding(torch.zeros(1, 4, 7, dtype=torch.bool), 8)
    assert torch.equal(sine_grid((4, 7), 8), expected)
    assert expected.shape == (1, 16, 4, 7)


def test_rows_come_before_columns():
    encoding = sine_grid((3, 5), 4)
    assert torch.equal(encoding[:, :4, :, 0], encoding[:, :4, :, 4])
    assert torch.equal(encoding[:, 4:, 0], encoding[:, 4:, 2])
