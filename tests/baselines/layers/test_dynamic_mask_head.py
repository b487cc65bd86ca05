import torch
from torch.nn import functional as F

from baselines.layers.nn.dynamic_mask_head import dynamic_masks, parameter_count


def convolved(features, parameters, center, stride):
    """One query in one frame, with real convolutions over features and coordinates put together."""
    c, h, w = features.shape
    place = torch.empty(2, h, w)
    for row in range(h):
        for column in range(w):
            place[0, row, column] = center[0] - (stride * column + stride / 2)
            place[1, row, column] = center[1] - (stride * row + stride / 2)
    shapes = [(8, c + 2, 1, 1), (8, 8, 1, 1), (1, 8, 1, 1), (8,), (8,), (1,)]
    w0, w1, w2, b0, b1, b2 = (
        part.view(shape)
        for part, shape in zip(parameters.split([torch.Size(shape).numel() for shape in shapes]), shapes, strict=True)
    )
    x = torch.cat((features, place))[None]
    x = F.conv2d(x, w0, b0).relu()
    x = F.conv2d(x, w1, b1).relu()
    return F.conv2d(x, w2, b2)[0, 0]


def test_masks_equal_a_convolution_per_query_and_frame():
    torch.manual_seed(0)
    features = torch.randn(3, 6, 4, 5)
    parameters = torch.randn(3, 2, parameter_count(6))
    centers = 20 * torch.rand(3, 2, 2)
    masks = dynamic_masks(features, parameters, centers, stride=4)
    for frame in range(3):
        for query in range(2):
            expected = convolved(features[frame], parameters[frame, query], centers[frame, query], 4)
            torch.testing.assert_close(masks[frame, query], expected, atol=1e-3, rtol=1e-4)


def test_parameters_are_counted_as_published():
    assert parameter_count(256) == 2153


def test_half_precision_is_left_before_coordinates_enter():
    torch.manual_seed(0)
    features = torch.randn(1, 6, 4, 5)
    parameters = torch.randn(1, 2, parameter_count(6))
    centers = torch.tensor([[[700.0, 3.0], [5.0, 300.0]]])
    with torch.autocast("cpu", torch.bfloat16):
        masks = dynamic_masks(features, parameters, centers)
    assert masks.dtype == torch.float32
    torch.testing.assert_close(masks, dynamic_masks(features, parameters, centers))
