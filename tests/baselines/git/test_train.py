"""GIT overfits the sentences of two videos and resumes to the same bytes."""

import json

from baselines.git.word_pretraining import topic_words
from baselines.layers.inputs.bert_vocabulary import word_vocabulary
from baselines.layers.inputs.target_sets import target_sets
from mevis_bench.data.registry import open_dataset
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.method_options import resolve_options
from mevis_bench.records import Expression, MethodConfig
from tests.baselines.overfit import Case, assert_resumes

CASE = Case(
    "git",
    ("flip=0.0", "random_frames=false", "batch_size=4", "sentences=1", "warm_up=0", "word_steps=3"),
    {"alpha": 1.0, "max_new_tokens": 10},
    pattern="git-scratch/*.safetensors",
    variant="scratch",
)


def test_the_sentences_of_two_videos_are_overfitted(tmp_path):
    rates = ("lr_image_encoder=5.0e-3", "lr_text_decoder=5.0e-3")
    out = CASE.train(tmp_path / "out", "steps=100", "losses.label_smoothing=0.0", *rates).parent
    losses = [point["loss"] for point in json.loads((out.parent / "curves" / "captions.json").read_text())["losses"]]
    assert losses[-1] < 0.1 * losses[0], losses
    config = MethodConfig("rmeg", "scratch", resolve_options(CASE.resolved, CASE.inference), {"model": out}, "cpu", 0)
    captioner = load_method(CASE.resolved.method, config)
    split = open_dataset(tmp_path / "clips" / "train", "train")
    for video_id in split.video_ids:
        sets = target_sets(split, video_id)
        predictions = captioner.predict(split.video(video_id), [target for target, _ in sets])
        assert [prediction.text for prediction in predictions] == ["the red square", "the blue square"]


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(CASE, tmp_path)


def test_the_topic_of_a_video_is_its_own_frequent_word():
    sentences = {"a": ["the dog runs", "the dog sits"], "b": ["the cat runs", "a cat that runs"], "c": []}

    class Split:
        video_ids = tuple(sentences)

        def expressions(self, video_id):
            return [Expression(str(i), text, ()) for i, text in enumerate(sentences[video_id])]

    vocabulary = word_vocabulary((text for texts in sentences.values() for text in texts), 200)
    topics = topic_words(Split(), vocabulary)
    assert topics == {"a": "dog", "b": "cat"}
