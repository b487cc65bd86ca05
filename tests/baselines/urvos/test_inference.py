from dataclasses import replace

import pytest
import torch

from baselines.urvos.inference import MemoryBank, PassOptions, anchor_frame, frame_confidence, segment
from baselines.urvos.model import Memory

OPTIONS = PassOptions(anchor="auto", memory_every=5, memory_frames=10, stages=2, abstain=False)


class FakeVideo:
    """Frames are their own numbers."""

    def __init__(self, length):
        self.length = length

    def __len__(self):
        return self.length

    def encoded(self, first, stop):
        return FakeFrames(range(first, stop))


class FakeFrames(list):
    """Numbers of frames; they are on the CPU."""

    cells = torch.zeros(1)


class FakeModel:
    """Without memory: the probabilities of a table. With memory: sure of everything; it notes who was remembered."""

    def __init__(self, table):
        self.table = table
        self.recalled = []

    def remember(self, frames, masks):
        return Memory(torch.full((1, 1), float(frames[0])), masks.mean().view(1, 1))

    def __call__(self, frames, sentence, memory):
        if memory is None:
            return logits(self.table[frames])
        self.recalled.append((frames[0], [int(x) for x in memory.key[0]]))
        return logits(torch.full((len(frames), 10, 10), 0.99))


def logits(soft):
    soft = soft.clamp(1e-6, 1 - 1e-6)
    return torch.stack((torch.zeros_like(soft), soft.logit()), dim=1)


def table(*levels):
    """Frames whose left half has the given probability."""
    soft = torch.zeros(len(levels), 10, 10)
    for index, level in enumerate(levels):
        soft[index, :, :5] = level
    return soft


def test_confidence_is_the_mean_of_the_foreground():
    soft = table(0.6, 0.9, 0.4)
    soft[0, :, 0] = 0.8
    assert frame_confidence(soft).tolist() == pytest.approx([0.64, 0.9, 0.0])
    speck = torch.zeros(1, 100, 100)
    speck[0, 0, :9] = 1.0  # 9 of 10,000: under 0.1 %
    assert frame_confidence(speck).tolist() == [0.0]
    speck[0, 0, :10] = 1.0
    assert frame_confidence(speck).tolist() == [1.0]


def test_the_anchor_is_the_earliest_of_the_most_confident():
    assert anchor_frame(table(0.6, 0.9, 0.9)) == 1
    assert anchor_frame(table(0.1, 0.2, 0.3)) == 2, "none is confident: the one with the most probability"


def test_propagation_goes_outwards_with_anchor_and_previous_frame():
    model = FakeModel(table(0.6, 0.6, 0.9, 0.6, 0.6))
    soft, score = segment(model, FakeVideo(5), None, OPTIONS)
    assert model.recalled == [(3, [2]), (4, [2, 3]), (1, [2]), (0, [2, 1])]
    assert score == pytest.approx(0.9)
    assert soft[2, 0, 0] == pytest.approx(0.9, abs=1e-4), "the anchor keeps what the sentence said"
    assert soft[[0, 1, 3, 4]].min() == pytest.approx(0.99, abs=1e-4)


def test_every_fifth_frame_stays_and_the_oldest_leave():
    options = replace(OPTIONS, memory_every=2, memory_frames=4)
    bank = MemoryBank(Memory(torch.zeros(1, 1), torch.zeros(1, 1)), options)
    seen = []
    for step in range(1, 9):
        bank.add(Memory(torch.full((1, 1), float(step)), torch.zeros(1, 1)), step)
        seen.append([int(x) for x in bank.cells().key[0]])
    assert seen == [[0, 1], [0, 2], [0, 2, 3], [0, 2, 4], [0, 2, 4, 5], [0, 2, 4, 6], [0, 4, 6, 7], [0, 4, 6, 8]]


def test_first_anchor_one_pass_and_abstention():
    model = FakeModel(table(0.6, 0.9, 0.6))
    segment(model, FakeVideo(3), None, replace(OPTIONS, anchor="first"))
    assert [frame for frame, _ in model.recalled] == [1, 2]
    model = FakeModel(table(0.6, 0.9))
    soft, _ = segment(model, FakeVideo(2), None, replace(OPTIONS, stages=1))
    assert model.recalled == []
    torch.testing.assert_close(soft, table(0.6, 0.9), atol=1e-4, rtol=0)
    model = FakeModel(table(0.4, 0.3))
    soft, score = segment(model, FakeVideo(2), None, replace(OPTIONS, abstain=True))
    assert (score, soft.max()) == (0.0, 0.0)
    soft, _ = segment(FakeModel(table(0.4, 0.3)), FakeVideo(2), None, OPTIONS)
    assert soft[1].min() > 0.5, "the paper's method always answers"


def test_long_videos_are_passed_in_blocks():
    model = FakeModel(table(*[0.6] * 19))
    soft, _ = segment(model, FakeVideo(19), None, replace(OPTIONS, stages=1))
    assert soft.shape == (19, 10, 10)
