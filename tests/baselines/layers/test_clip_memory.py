"""Clips of real length fit: live tensors of 36 frames at 360 x 640, and how they grow."""

import torch

from baselines.layers.inputs.text_reference import TextReference, as_words
from baselines.referformer.model import ReferFormer
from tests.baselines.live_memory import LivePeak, fake_tensors
from tests.baselines.parity import tiny_roberta

GIB = 2**30


def peak(backbone: str, frames: int) -> float:
    with fake_tensors():
        network = ReferFormer(backbone, TextReference(tiny_roberta())).eval()
        text = as_words(torch.empty(9, 256)), torch.empty(256)
        with LivePeak() as live:
            segmented = network(network.encode(torch.empty(frames, 3, 360, 640)), text)
        assert segmented.masks.shape == (frames, 5, 90, 160)
    return live.peak / GIB


def test_live_tensors_are_counted_while_they_live():
    with fake_tensors(), LivePeak() as live:
        x = torch.empty(1000)
        for _ in range(5):
            x = x + 1
        y = x[::2]
        del x
        assert y.shape == (500,)
    assert live.peak == 2 * 4000


def test_memory_grows_by_the_frame_and_stays_small():
    few, more = peak("video-swin-t", 12), peak("video-swin-t", 36)
    assert more < 2.5
    assert more - few < 24 * 0.05  # 200 frames in one clip stay under 11 GiB
