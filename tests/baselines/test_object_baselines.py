"""``every_object`` and ``random_object``: what they select among the tracks of a video."""

import torch

from baselines.every_object.method import EveryObject
from baselines.lmpmpp.mini.checkpoint import build_random
from baselines.random_object.method import RandomObject

MODEL, _ = build_random(0)


def test_every_object_selects_all() -> None:
    method = EveryObject(MODEL, "cpu", 0, boxes=False)
    assert method.select(3, "v", "0").tolist() == [0, 1, 2]
    assert method.select(0, "v", "0").tolist() == []


def test_random_object_selects_one_by_seed_video_and_prompt_alone() -> None:
    method = RandomObject(MODEL, "cpu", 0, boxes=False)
    first = [method.select(4, "v", str(prompt)).tolist() for prompt in range(400)]
    torch.rand(1)
    assert first == [method.select(4, "v", str(prompt)).tolist() for prompt in range(400)]
    counts = [first.count([track]) for track in range(4)]
    # Binomial with mean 100 and standard deviation 8.7: five deviations on either side.
    assert sum(counts) == 400
    assert all(56 < count < 144 for count in counts)
    assert first != [RandomObject(MODEL, "cpu", 1, boxes=False).select(4, "v", str(p)).tolist() for p in range(400)]
    assert method.select(0, "v", "0").tolist() == []
