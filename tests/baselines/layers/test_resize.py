import numpy as np
import pytest
from PIL import Image

from baselines.layers.inputs.resize import resize, shortest_edge_capped, shortest_edge_rounded, shortest_edge_truncated


@pytest.mark.parametrize(
    ("size", "short", "longest", "expected"),
    [
        ((1080, 1920), 448, 1333, (448, 796)),  # 796.44
        ((480, 854), 448, 1333, (448, 797)),  # 797.07
        ((720, 1280), 360, 640, (360, 640)),
        ((1920, 1080), 448, 1333, (796, 448)),
        ((100, 1000), 448, 1333, (133, 1333)),  # 4480 is too long: both sides shrink
        ((300, 301), 200, 1333, (200, 201)),  # 200.67 rounds up
        ((64, 64), 448, 1333, (448, 448)),
    ],
)
def test_rounded_rule(size, short, longest, expected):
    assert shortest_edge_rounded(*size, short, longest) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1080, 1920), (360, 640)), ((480, 854), (360, 640)), ((300, 301), (360, 361)), ((854, 480), (640, 360))],
)
def test_truncated_rule(size, expected):
    assert shortest_edge_truncated(*size, 360) == expected


def test_capped_rule_lowers_the_short_side_first():
    assert shortest_edge_capped(1080, 1920, 360, 640) == (360, 640)
    assert shortest_edge_capped(480, 1000, 360, 640) == (307, 639)  # 307.2 -> 307; 307 * 1000 / 480 = 639.6
    assert shortest_edge_capped(1000, 480, 360, 640) == (639, 307)


def test_pixels_are_pil_bilinear():
    pixels = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(pixels).resize((8, 6), Image.BILINEAR))
    assert np.array_equal(resize(pixels, (6, 8)), expected)
    assert resize(pixels, (13, 17)) is pixels
