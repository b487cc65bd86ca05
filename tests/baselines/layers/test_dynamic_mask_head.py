import pytest
import torch
from torch.nn import functional as F

from baselines.layers.nn.dynamic_mask_head import DynamicHead


def convolved(features, parameters, center, stride, widths):
    """One query in one frame, with real convolutions over features and coordinates put together."""
    c, h, w = features.shape
    place = torch.empty(2, h, w)
    for row in range(h):
        for column in range(w):
            place[0, row, column] = center[0] - (stride * column + stride / 2)
            place[1, row, column] = center[1] - (stride * row + stride / 2)
    inputs = (c + 2, *widths[:-1])
    shapes = [(after, before, 1, 1) for before, after in zip(inputs, widths, strict=True)]
    shapes += [(after,) for after in widths]
    parts = parameters.split([torch.Size(shape).numel() for shape in shapes])
    parts = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
    weights, biases = parts[: len(widths)], parts[len(widths) :]
    x = torch.cat((features, place))[None]
    for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
        x = F.conv2d(x, weight, bias).relu()
    return F.conv2d(x, weights[-1], biases[-1])[0]


@pytest.mark.parametrize(
    ("head", "widths"),
    [(DynamicHead(6), (8, 8, 1)), (DynamicHead(6, layers=2, width=5, outputs=3, stride=8), (5, 3))],
)
def test_masks_equal_a_convolution_per_query_and_frame(head, widths):
    torch.manual_seed(0)
    features = torch.randn(3, 6, 4, 5)
    parameters = torch.randn(3, 2, head.parameter_count)
    centers = 20 * torch.rand(3, 2, 2)
    masks = head(features, parameters, centers)
    for frame in range(3):
        for query in range(2):
            expected = convolved(features[frame], parameters[frame, query], centers[frame, query], head.stride, widths)
            torch.testing.assert_close(masks[frame, query], expected, atol=1e-3, rtol=1e-4)


def test_parameters_are_counted_as_published():
    assert DynamicHead(256).parameter_count == 2153
    assert DynamicHead(8).parameter_count == 169
    assert DynamicHead(256, layers=2, width=16, outputs=16, stride=8).parameter_count == 4416


def test_half_precision_is_left_before_coordinates_enter():
    torch.manual_seed(0)
    features = torch.randn(1, 6, 4, 5)
    head = DynamicHead(6)
    parameters = torch.randn(1, 2, head.parameter_count)
    centers = torch.tensor([[[700.0, 3.0], [5.0, 300.0]]])
    with torch.autocast("cpu", torch.bfloat16):
        masks = head(features, parameters, centers)
    assert masks.dtype == torch.float32
    torch.testing.assert_close(masks, head(features, parameters, centers))
