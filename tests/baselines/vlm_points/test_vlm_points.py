"""Pointing: frames and times of the question, readable, cut and senseless answers, with a fake model."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baselines.vlm_points.method import Pointer, load, shown_frames
from baselines.vlm_points.options import Options
from mevis_bench.records import MethodConfig, SpeechPrompt, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(
    size="mini", step=2, frames=9, fps=2.0, max_new_tokens=4, precision="float32", device_map="single"
)  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=5, height=30, width=50)


class FakeModel:
    """Answers what the test says."""

    network = None

    def __init__(self, *answers: str) -> None:
        self.answers, self.seen = list(answers), []

    def inputs(self, frames, times, duration, question):
        self.seen.append((frames, times, duration, question))
        return {}

    def answer(self, inputs, max_new_tokens):
        return self.answers.pop(0)


def test_an_answer_becomes_points_of_the_video(video: Video) -> None:
    model = FakeModel(
        '<tracks coords="0.0 1 500 250 4 0 1000; 2 4 100 100; 9 1 5 5">two</tracks>',
        "None.",
        '<tracks coords="0 7 500 5',
    )
    two, none, cut = Pointer(model, OPTIONS).predict(video, [TextPrompt(str(n), f"dog {n}") for n in range(3)])
    assert two.frames.tolist() == [0, 0, 4]
    assert two.ids.tolist() == [0, 1, 1]
    np.testing.assert_allclose(two.points, [[25, 7.5], [0, 30], [5, 3]])
    assert two.raw.startswith('<tracks coords="0.0 1')
    assert not two.is_cut
    assert none.is_unreadable
    assert none.raw == "None."
    assert cut.is_cut
    assert cut.points.tolist() == [[25, 0.15]]
    frames, times, duration, question = model.seen[1]
    np.testing.assert_array_equal(frames, [video.frame(index) for index in (0, 0, 2, 2, 4, 4)])
    assert times == [0, 0, 1, 1, 2, 2]
    assert duration == 2.5
    assert '"dog 1", at the times 0.0, 1.0, 2.0 seconds' in question


@pytest.mark.parametrize(
    ("length", "step", "count", "indices"),
    [(5, 2, 9, [0, 2, 4]), (1, 6, 9, [0]), (25, 6, 3, [0, 12, 24]), (25, 6, 1, [0]), (7, 6, 9, [0, 6])],
)
def test_shown_frames_are_scored_ones(length: int, step: int, count: int, indices: list[int]) -> None:
    assert shown_frames(length, replace(OPTIONS, step=step, frames=count)) == indices


def test_the_untrained_network_points_for_sentences_only(video: Video) -> None:
    pointer = load(MethodConfig("rvos", "qwen3-vl-4b", OPTIONS, None, "cpu", 0))
    (answer,) = pointer.predict(video, [TextPrompt("0", "the dog")])
    assert answer.is_unreadable
    assert answer.raw
    with pytest.raises(TypeError, match="pointing requires sentences, got SpeechPrompt"):
        next(pointer.predict(video, [SpeechPrompt("0", Path("a.wav"))]))
