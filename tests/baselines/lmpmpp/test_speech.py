"""The mini variant's ears: what they hear does not depend on the company an utterance is in, and they learn words."""

import numpy as np
import pytest
import soundfile
import torch

from baselines.lmpmpp.mini.speech_encoder import BANDS, SpeechEncoder, behind, pad, speech_bands
from baselines.lmpmpp.mini.training.stage_speech import (
    SpeechCache,
    SpeechTraining,
    disturbed,
    encode_speech_split,
    speech_losses,
)
from mevis_bench.records import DataError


def hissing_tones(path, first, second, loudness):
    """Two tones one after the other, in noise."""
    time = np.arange(4000) / 16000
    samples = np.concatenate([np.sin(2 * np.pi * hertz * time) for hertz in (first, second)])
    noise = 0.1 * np.random.default_rng(0).standard_normal(8000)
    soundfile.write(path, loudness * (samples + noise), 16000, subtype="FLOAT")
    return speech_bands(path)


def test_bands_rise_with_the_pitch_and_forget_how_loud_it_was(tmp_path):
    low_high = hissing_tones(tmp_path / "a.wav", 300, 3000, 0.1)
    high_low = hissing_tones(tmp_path / "b.wav", 3000, 300, 0.1)
    assert low_high.shape == (1 + (8000 - 400) // 160, BANDS)
    assert low_high[5].argmax() < low_high[-5].argmax()
    assert high_low[5].argmax() > high_low[-5].argmax()
    torch.testing.assert_close(low_high.mean(0), torch.zeros(BANDS), atol=1e-5, rtol=0)
    louder = hissing_tones(tmp_path / "c.wav", 300, 3000, 0.3)
    # The lowest bands hold next to nothing, and what is below the floor does not grow.
    torch.testing.assert_close(louder[:, 8:], low_high[:, 8:], atol=1e-2, rtol=0)


def test_a_sound_shorter_than_a_window_is_one_step(tmp_path):
    soundfile.write(tmp_path / "x.wav", np.ones(10) * 0.1, 16000)
    assert speech_bands(tmp_path / "x.wav").shape == (1, BANDS)
    with pytest.raises(DataError, match=r"gone\.wav: sound can't be read: file is missing"):
        speech_bands(tmp_path / "gone.wav")


@torch.inference_mode()
def test_an_utterance_sounds_the_same_in_any_company():
    torch.manual_seed(0)
    encoder = SpeechEncoder(16).eval()
    utterances = [torch.randn(length, BANDS) for length in (1, 7, 30, 65)]
    together = encoder(*pad(utterances))
    for utterance, expected in zip(utterances, together, strict=True):
        torch.testing.assert_close(encoder(*pad([utterance]))[0], expected, rtol=1e-5, atol=1e-6)


def test_what_lies_behind_the_end():
    assert behind(torch.tensor([1, 3]), 3).tolist() == [[False, True, True], [False, False, False]]


def test_a_disturbed_utterance_is_faster_or_slower_and_still_itself():
    rng, utterance = np.random.default_rng(0), torch.randn(100, BANDS)
    lengths = {len(disturbed(utterance, rng)) for _ in range(50)}
    assert min(lengths) >= 90
    assert max(lengths) <= 110
    assert len(lengths) > 5
    assert disturbed(torch.randn(1, BANDS), rng).shape == (1, BANDS)


def test_all_speech_of_a_split_is_heard_and_silence_is_told():
    torch.manual_seed(0)
    encoder, utterances = SpeechEncoder(16).eval(), [torch.randn(length, BANDS).half() for length in (20, 9)]
    cache = SpeechCache(torch.cat(utterances), torch.tensor([0, 20, 29]), torch.tensor([1, 4]))
    features, spoken = encode_speech_split(encoder, cache, 6, "cpu")
    assert spoken.tolist() == [False, True, False, False, True, False]
    assert not features[~spoken].any()
    with torch.inference_mode():
        torch.testing.assert_close(features[4:5], encoder(*pad([utterances[1].float()])), rtol=1e-4, atol=1e-5)


def test_features_and_words_are_learned():
    """Two sentences of two tones each, in both orders: after some steps they sound like their own features."""
    torch.manual_seed(0)
    low, high = torch.zeros(2, 12, BANDS)
    low[:, 5], high[:, 50] = 2, 2
    utterances = [torch.cat((low, high)), torch.cat((high, low))]
    words, features = torch.tensor([[2, 3], [3, 2]]), torch.randn(2, 16)
    training = SpeechTraining(SpeechEncoder(16), 4)
    optimizer = torch.optim.Adam(training.parameters(), lr=1e-2)
    first = speech_losses(training, utterances, words, features)
    for _ in range(80):
        losses = speech_losses(training, utterances, words, features)
        optimizer.zero_grad()
        losses["loss"].backward()
        optimizer.step()
    assert losses["spelling"] < 0.2 * first["spelling"]
    assert losses["feature"] < 0.05 * first["feature"]
    swapped = speech_losses(training.eval(), utterances, words, features.flip(0))
    assert swapped["feature"] > 1
