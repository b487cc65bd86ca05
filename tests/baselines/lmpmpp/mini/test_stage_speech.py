"""The mini variant's speech encoder: bands, padding, and distillation of text features."""

import numpy as np
import pytest
import soundfile
import torch

from baselines.lmpmpp.mini.speech_encoder import BANDS, SpeechEncoder, pad, padding_mask, speech_bands
from baselines.lmpmpp.mini.training.stage_speech import (
    SpeechCache,
    SpeechDistillation,
    augment_speech,
    encode_speech_split,
    speech_losses,
)
from mevis_bench.records import DataError


def noisy_tones(path, first, second, loudness):
    """Two tones one after the other, in noise."""
    time = np.arange(4000) / 16000
    samples = np.concatenate([np.sin(2 * np.pi * hertz * time) for hertz in (first, second)])
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(path, loudness * (samples + noise), 16000, subtype="FLOAT")
    return speech_bands(path)


def test_bands_follow_the_pitch_and_not_the_loudness(tmp_path):
    low_high = noisy_tones(tmp_path / "a.wav", 300, 3000, 0.1)
    high_low = noisy_tones(tmp_path / "b.wav", 3000, 300, 0.1)
    assert low_high.shape == (1 + (8000 - 400) // 160, BANDS)
    assert low_high[5].argmax() < low_high[-5].argmax()
    assert high_low[5].argmax() > high_low[-5].argmax()
    torch.testing.assert_close(low_high.mean(0), torch.zeros(BANDS), atol=1e-5, rtol=0)
    louder = noisy_tones(tmp_path / "c.wav", 300, 3000, 0.3)
    # The lowest bands have almost no energy, and energies below the lower bound of the logarithm do not grow.
    torch.testing.assert_close(louder[:, 8:], low_high[:, 8:], atol=1e-2, rtol=0)


def test_a_sound_shorter_than_a_window_is_one_time_step(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.ones(10) * 0.1, 16000)
    assert speech_bands(tmp_path / "x.wav").shape == (1, BANDS)
    with pytest.raises(DataError, match=r"gone\.wav: cannot read audio: file is missing"):
        speech_bands(tmp_path / "gone.wav")


@torch.inference_mode()
def test_features_do_not_depend_on_padding():
    torch.manual_seed(0)
    encoder = SpeechEncoder(16).eval()
    utterances = [torch.randn(length, BANDS) for length in (1, 7, 30, 65)]
    together = encoder(*pad(utterances))
    for utterance, expected in zip(utterances, together, strict=True):
        torch.testing.assert_close(encoder(*pad([utterance]))[0], expected, rtol=1e-5, atol=1e-6)


def test_padding_follows_each_length():
    assert padding_mask(torch.tensor([1, 3]), 3).tolist() == [[False, True, True], [False, False, False]]


def test_augmented_speech_is_faster_or_slower():
    rng, utterance = np.random.default_rng(0), torch.randn(100, BANDS)
    lengths = {len(augment_speech(utterance, rng)) for _ in range(50)}
    assert min(lengths) >= 90
    assert max(lengths) <= 110
    assert len(lengths) > 5
    assert augment_speech(torch.randn(1, BANDS), rng).shape == (1, BANDS)


def test_sentences_without_speech_have_no_features():
    torch.manual_seed(0)
    encoder, utterances = SpeechEncoder(16).eval(), [torch.randn(length, BANDS).half() for length in (20, 9)]
    cache = SpeechCache(torch.cat(utterances), torch.tensor([0, 20, 29]), torch.tensor([1, 4]))
    features, has_speech = encode_speech_split(encoder, cache, 6, "cpu")
    assert has_speech.tolist() == [False, True, False, False, True, False]
    assert not features[~has_speech].any()
    with torch.inference_mode():
        torch.testing.assert_close(features[4:5], encoder(*pad([utterances[1].float()])), rtol=1e-4, atol=1e-5)


def test_distillation_learns_features_and_words():
    """Two sentences of two tones each, in both orders."""
    torch.manual_seed(0)
    low, high = torch.zeros(2, 12, BANDS)
    low[:, 5], high[:, 50] = 2, 2
    utterances = [torch.cat((low, high)), torch.cat((high, low))]
    words, features = torch.tensor([[2, 3], [3, 2]]), torch.randn(2, 16)
    distillation = SpeechDistillation(SpeechEncoder(16), 4)
    optimizer = torch.optim.Adam(distillation.parameters(), lr=1e-2)
    first = speech_losses(distillation, utterances, words, features)
    for _ in range(80):
        losses = speech_losses(distillation, utterances, words, features)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["ctc"] < 0.2 * first["ctc"]
    assert losses["feature"] < 0.05 * first["feature"]
    swapped = speech_losses(distillation.eval(), utterances, words, features.flip(0))
    assert swapped["feature"] > 1
