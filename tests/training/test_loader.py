"""Loading: worker processes draw the same samples, errors cross processes, cached frames are bounded."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from mevis_bench.data.registry import open_dataset
from mevis_bench.records import DataError, MevisBenchError
from mevis_bench.training.frame_cache import CachedData, FrameCache
from mevis_bench.training.loader import micro_batches
from tests.fixtures.tiny_split import write_tiny_split
from tests.training.toy import toy_module, toy_stage, toy_trainer


def load(stage, first_step=0, rank=0, processes=1, workers=0):
    batches = micro_batches(stage, 3, first_step, rank=rank, processes=processes, workers=workers)
    return [(batch.number, torch.cat(batch.batch)) for batch in batches]


def test_workers_and_a_later_start_give_the_same_samples():
    stage = toy_stage(toy_module(), steps=5)
    expected = load(stage)
    assert len({tuple(rows.flatten().tolist()) for _, rows in expected}) == 5
    for loaded in (load(stage, workers=2), expected[:2] + load(stage, first_step=2)):
        for (number, rows), (other_number, other) in zip(expected, loaded, strict=True):
            assert number == other_number
            torch.testing.assert_close(other, rows, rtol=0, atol=0)


def test_processes_and_micro_batches_divide_the_samples_of_a_step():
    stage = toy_stage(toy_module(), steps=3)
    whole = load(stage)
    parts = [load(replace(stage, accumulation=2), rank=rank, processes=2) for rank in (0, 1)]
    for step in range(3):
        ordered = sorted(part for rank in parts for part in rank[2 * step : 2 * step + 2])
        assert [number for number, _ in ordered] == [0, 1, 2, 3]
        torch.testing.assert_close(torch.cat([rows for _, rows in ordered]), whole[step][1], rtol=0, atol=0)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_sample_is_raised_as_it_is(workers):
    def sample(rng, position):
        raise DataError("frame is broken", location="00001.jpg")

    with pytest.raises(DataError, match=r"00001\.jpg: frame is broken") as caught:
        load(toy_stage(toy_module(), sample=sample), workers=workers)
    assert caught.value.location == "00001.jpg"


def test_a_lost_worker_is_one_error_and_nothing_is_lost(tmp_path):
    stage = toy_stage(toy_module())

    def sample(rng, position):
        if position.step == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return stage.sample(rng, position)

    with pytest.raises(MevisBenchError, match="a worker process that loads data was lost"):
        toy_trainer(tmp_path, workers=1).fit(replace(stage, sample=sample))
    module, straight = toy_module(), toy_module()
    toy_trainer(tmp_path, workers=1).fit(toy_stage(module))
    toy_trainer(tmp_path / "straight").fit(toy_stage(straight))
    torch.testing.assert_close(module[0].weight, straight[0].weight, rtol=0, atol=0)


def test_cached_frames_are_equal_decoded_once_and_bounded(tmp_path, monkeypatch):
    split = open_dataset(write_tiny_split(tmp_path / "train").parent, "train")
    frame = split.video("va").frame(2)
    cache = FrameCache(2 * frame.nbytes)
    data = CachedData(split, cache, max_videos=2)
    assert data.video_ids == split.video_ids[:2]
    assert data.ground_truths("va") == split.ground_truths("va")
    video = data.video("va")
    np.testing.assert_array_equal(video.frame(2), frame)
    assert video.frame(2) is data.video("va").frame(2)
    for index in (0, 2, 1):
        video.frame(index)
    assert cache.bytes == 2 * frame.nbytes
    assert cache.get(video.frame_paths[2]) is not None  # used after frame 0, which had to go
    assert cache.get(video.frame_paths[0]) is None
    with pytest.raises(ValueError, match="read-only"):
        video.frame(1)[0, 0, 0] = 1
    assert CachedData(split, FrameCache(0)).video("va").frame(2).sum() == frame.sum()
