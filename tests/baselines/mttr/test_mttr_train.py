"""MTTR overfits two clips, resumes to the same bytes, and treats the sentences of a clip alike together and alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.layers.training.clip_sampling import read_clip
from baselines.mttr.model import Mttr
from baselines.mttr.train import encode_clips, predict_layers, window_frames
from mevis_bench.data.registry import open_dataset
from tests.baselines.overfit import assert_overfits, assert_resumes, write_two_clips
from tests.baselines.tiny_trainings import WINDOWS as TINY
from tests.baselines.tiny_trainings import shrink_networks, window_case

CASE = window_case("mttr", "steps=70", variant="scratch")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink_networks(monkeypatch)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "horizontal_flip=true", "sentences=1")), tmp_path)


@torch.no_grad()
def test_sentences_together_are_as_alone(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    torch.manual_seed(0)
    network = Mttr(build_roberta(TINY.text, pooler=False), TINY).eval()
    expressions = split.expressions("va")
    clip = read_clip(split, "va", (0, 2), expressions)
    clip = replace(clip, sentences=(clip.sentences[0], replace(clip.sentences[1], text="a much longer sentence here")))
    features = [encoded for encoded, _, _ in encode_clips(network, [clip], None, 1, "cpu")]
    texts = [sentence.text for sentence in clip.sentences]
    together = predict_layers(network, features, [texts], HashTokenizer(), "cpu")
    for number, text in enumerate(texts):
        alone = predict_layers(network, features, [[text]], HashTokenizer(), "cpu")
        for ours, one in zip((*together.aux_outputs, together), (*alone.aux_outputs, alone), strict=True):
            torch.testing.assert_close(ours.pred_masks[:, number], one.pred_masks[:, 0], atol=1e-4, rtol=1e-4)
            torch.testing.assert_close(ours.pred_is_referred[:, number], one.pred_is_referred[:, 0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("length", "windows"),
    [(5, [[0, 1], [2, 3], [3, 4]]), (4, [[0, 1], [2, 3]]), (1, [[0, 0]])],
)
def test_windows_do_not_overlap_and_the_last_one_ends_with_the_video(length, windows):
    choose = window_frames(2)
    assert [choose(length, anchor, np.random.default_rng(0)) for anchor in range(0, length, 2)] == windows
