"""The agent: every outcome of its questions, with networks that do as the test says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baselines.layers.inference.object_masks import ObjectMasks
from baselines.vlm_agent.method import Agent, load, usable_phrase
from baselines.vlm_agent.options import Options
from mevis_bench.records import MethodConfig, SpeechPrompt, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(
    size="mini", frames=2, fps=6.0, rounds=2, existence_threshold=0.4, accept_threshold=0.5, mark="overlay",
    color=(255, 0, 0), alpha=0.5, line=1, max_new_tokens=3, device_map="single", detection_threshold=0.0,
    new_object_threshold=0.0, target_threshold=0.0, max_objects=2, sentences=1, offload=False, precision="float32",
)  # fmt: skip
PROMPT = TextPrompt("0", "The dog that runs away")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=3, height=20, width=30)


class Model:
    """Answers to the existence question, the phrases, and the judgements of objects, in order."""

    network = None

    def __init__(self, exists: float, phrases: list[str], judgements: list[float]) -> None:
        self.exists, self.phrases, self.judgements = exists, phrases, judgements
        self.questions: list[str] = []

    def inputs(self, frames, times, duration, question):
        self.questions.append(question)
        return frames, question

    def preference(self, inputs, choices):
        yes = self.judgements.pop(0) if "marked object" in inputs[1] else self.exists
        return [yes, 1 - yes]

    def answer(self, inputs, max_new_tokens):
        return self.phrases.pop(0)


class Tracker:
    """Two objects for "dog", one for "animal", none for anything else."""

    network = None

    def __init__(self) -> None:
        self.phrases: list[str] = []

    def track(self, video, phrases):
        for phrase in phrases:
            self.phrases.append(phrase)
            masks = ObjectMasks(video)
            for identity in range({"dog": 2, "animal": 1}.get(phrase, 0)):
                mask = np.zeros((video.height, video.width), bool)
                mask[:, 10 * identity : 10 * identity + 5] = True
                for frame in range(len(video)):
                    masks.add(frame, {identity: mask})
            yield type("Track", (), {"masks": masks})


def run(video: Video, model: Model, **changes):
    tracker = Tracker()
    agent = Agent(model, tracker, replace(OPTIONS, **changes))
    return next(agent.predict(video, [PROMPT])), tracker.phrases


def test_accepted_objects_are_the_prediction(video: Video) -> None:
    model = Model(0.9, ["Dog."], [0.2, 0.7])
    prediction, phrases = run(video, model)
    assert phrases == ["dog"]
    assert len(prediction.objects) == 1
    assert prediction.masks[0].any(0).tolist() == [10 <= column < 15 for column in range(30)]
    assert prediction.target_score == 0.7
    assert len(model.questions) == 4


def test_without_existence_nothing_is_tracked(video: Video) -> None:
    prediction, phrases = run(video, Model(0.3, [], []))
    assert phrases == []
    assert not prediction.masks.any()
    assert prediction.objects == ()
    assert prediction.target_score == 0.3


def test_another_phrase_is_tried_and_then_it_ends_empty(video: Video) -> None:
    model = Model(0.9, ["cat", "animal"], [0.6])
    prediction, phrases = run(video, model)
    assert phrases == ["cat", "animal"]
    assert prediction.masks.any()
    assert any("Not: cat." in question for question in model.questions)
    rejected, _ = run(video, Model(0.9, ["dog", "animal"], [0.1, 0.2, 0.4]))
    assert not rejected.masks.any()
    assert rejected.target_score == 0.4
    repeated, phrases = run(video, Model(0.9, ["dog", "dog"], [0.1, 0.2]))
    assert phrases == ["dog"]
    assert not repeated.masks.any()


def test_a_low_target_score_is_no_target(video: Video) -> None:
    prediction, _ = run(video, Model(0.6, ["dog"], [0.9, 0.9]), target_threshold=0.5)
    assert len(prediction.objects) == 2
    prediction, phrases = run(video, Model(0.6, ["dog"], [0.9, 0.9]), target_threshold=0.7)
    assert not prediction.masks.any()
    assert phrases == []


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        ("A brown dog.\nIt runs", "a brown dog"),
        ('"Dog"', "dog"),
        ("", "dog"),
        ("...", "dog"),
        ("The object is a dog which is running away from me now", "dog"),
    ],
)
def test_an_answer_that_is_no_phrase_is_replaced_by_the_sentences(answer: str, phrase: str) -> None:
    assert usable_phrase(answer, PROMPT.text) == phrase


def test_the_networks_work_together(video: Video) -> None:
    options = replace(OPTIONS, existence_threshold=0.0, accept_threshold=0.0)
    agent = load(MethodConfig("rvos", "qwen3-vl-4b", options, None, "cpu", 0))
    prediction = next(agent.predict(video, [PROMPT]))
    assert prediction.masks.any()
    assert 0 < prediction.target_score < 1
    with pytest.raises(TypeError, match="the agent requires sentences, got SpeechPrompt"):
        next(agent.predict(video, [SpeechPrompt("0", Path("a.wav"))]))
