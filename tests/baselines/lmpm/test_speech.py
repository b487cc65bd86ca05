import numpy as np
import pytest
import torch
from scipy.io import wavfile
from transformers import WhisperConfig

from baselines.layers.nn.clip_query_module import ClipDecoderConfig
from baselines.layers.nn.query_decoder import QueryDecoderConfig
from baselines.layers.nn.swin import SwinConfig
from baselines.layers.nn.trajectory_network import TrajectoryNetworkConfig
from baselines.lmpm import method
from baselines.lmpm.model import Lmpm
from baselines.lmpm.options import Options
from baselines.lmpm.speech import RATE, SpeechEncoder
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.records import MethodConfig, SpeechPrompt
from tests.fixtures.noise_video import noise_video
from tests.paths import ROOT

TINY = WhisperConfig(d_model=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16, num_mel_bins=80)
SMALL = TrajectoryNetworkConfig(
    swin=SwinConfig(16, (1, 1, 1, 1), (2, 2, 2, 2)), frame=QueryDecoderConfig(32), clip=ClipDecoderConfig(32)
)
VARIANT = read_method_spec(ROOT / "baselines" / "lmpm" / "method.yaml").variants["swin-t-audio"]


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    return SpeechEncoder(TINY).eval()


def tone(seconds, pitch=440.0):
    return np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


@pytest.mark.parametrize(("seconds", "words"), [(0.02, 1), (0.5, 25), (2.0, 40), (31.0, 40)])
@torch.inference_mode()
def test_words_cover_what_is_spoken(encoder, seconds, words):
    got, sentence = encoder(tone(seconds))
    assert got.shape == (1, words, 768)
    assert sentence.shape == (1, 768)
    assert sentence.abs().max() <= 1


@torch.inference_mode()
def test_a_word_is_the_mean_of_its_stretch_of_states(encoder):
    waveform = tone(1.6)  # 80 states, two a word
    features = encoder._features(waveform, sampling_rate=RATE, return_tensors="pt").input_features
    states = encoder.whisper(features).last_hidden_state[0, :80]
    expected = encoder.to_words(states.view(40, 2, -1).mean(1))
    torch.testing.assert_close(encoder(waveform)[0][0], expected, atol=1e-5, rtol=1e-4)


def test_the_branch_learns_and_whisper_does_not(encoder):
    network = Lmpm(encoder, SMALL)
    sentence = network.encode_speech(tone(0.5))
    queries = network.encode_frames(network.stem(torch.randn(2, 3, 64, 64)), sentence).queries
    network.encode_clip(queries, sentence)[0].sum().backward()
    assert encoder.to_words.weight.grad.abs().sum() > 0
    assert encoder.pooler.weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in encoder.whisper.parameters())


def test_speech_is_answered_and_its_weights_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(method, "SIZES", {"base": SMALL})
    monkeypatch.setattr(method, "SPEECH_SIZES", {"base": TINY})
    wavfile.write(tmp_path / "0.wav", 8000, (tone(1.0)[::2] * 30000).astype(np.int16))
    video, prompt = noise_video(tmp_path, 3, 40, 60), SpeechPrompt("0", tmp_path / "0.wav")
    options = {**VARIANT.options, "short": 64}
    untrained = method.load(MethodConfig("avos", "swin-t-audio", Options(**options), None, "cpu", 1))
    first = next(untrained.predict(video, [prompt]))
    torch.save(untrained.network.state_dict(), tmp_path / "trained.pth")
    loaded = method.load(
        MethodConfig("avos", "swin-t-audio", Options(**options), {"model": tmp_path / "trained.pth"}, "cpu", 2)
    )
    assert next(loaded.predict(video, [prompt])).target_score == first.target_score
