import math

import numpy as np
import pytest
import torch

from baselines.mutr.audio import AudioReference, Vggish, log_mel_examples, mel_filters


def slow_log_mel(samples, bands=64):
    """VGGish's front end for one spectrum, written out."""
    window = [0.5 - 0.5 * math.cos(2 * math.pi * n / 400) for n in range(400)]
    spectrum = np.abs(np.fft.fft([s * w for s, w in zip(samples, window, strict=True)], 512))[:257]

    def mel(hertz):
        return 1127 * math.log(1 + hertz / 700)

    out = []
    for band in range(bands):
        low, mid, high = (mel(125) + (band + k) * (mel(7500) - mel(125)) / (bands + 1) for k in range(3))
        total = 0.0
        for k in range(1, 257):
            m = mel(k * 8000 / 256)
            if low < m < high:
                total += spectrum[k] * min((m - low) / (mid - low), (high - m) / (high - mid))
        out.append(math.log(total + 0.01))
    return out


def test_spectra_equal_the_formulas_written_out():
    numbers = np.random.RandomState(0)
    waveform = numbers.uniform(-0.5, 0.5, 16000).astype(np.float32)
    examples = log_mel_examples(torch.from_numpy(waveform))
    assert examples.shape == (2, 96, 64)
    spectra = examples.flatten(0, 1)
    for index in (0, 57, 97):
        expected = slow_log_mel(waveform[index * 160 : index * 160 + 400])
        np.testing.assert_allclose(spectra[index].numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(("samples", "examples"), [(0, 1), (100, 1), (96 * 160, 1), (96 * 160 + 1, 2), (48000, 4)])
def test_a_recording_fills_whole_examples_with_silence(samples, examples):
    spectra = log_mel_examples(torch.ones(samples))
    assert spectra.shape == (examples, 96, 64)
    if samples < 1000:
        assert torch.all(spectra[0, 5:] == math.log(0.01))


def test_a_tone_is_in_its_band():
    time = torch.arange(16000) / 16000
    (first, *_) = log_mel_examples(torch.sin(2 * torch.pi * 1000 * time))
    loudest = int(first[10].argmax())
    hertz = mel_filters()[:, loudest].argmax() * 8000 / 256
    assert abs(hertz - 1000) < 40


def test_vggish_has_its_published_layers():
    with torch.device("meta"):
        state = Vggish().state_dict()
    assert [key for key in state if key.endswith("weight")] == [
        *(f"features.{i}.weight" for i in (0, 3, 6, 8, 11, 13)),
        *(f"embeddings.{i}.weight" for i in (0, 2, 4)),
    ]
    assert state["embeddings.0.weight"].shape == (4096, 12288)
    assert sum(value.numel() for value in state.values()) == 72_141_184


class FakeVggish(torch.nn.Module):
    """Repeats an example's mean, so that tests need no 72 million weights."""

    def forward(self, examples):
        return examples.mean((1, 2))[:, None].expand(-1, 128)


@pytest.fixture
def reference(monkeypatch):
    monkeypatch.setattr("baselines.mutr.audio.Vggish", FakeVggish)
    return AudioReference()


def test_the_mean_goes_first_and_examples_follow_in_order(reference):
    reference.eval()
    examples = torch.stack([torch.full((96, 64), value) for value in (1.0, 5.0)])
    words, first = reference(examples)
    frames = torch.tensor([3.0, 1.0, 5.0])[:, None].expand(-1, 128)
    torch.testing.assert_close(words.features, reference.resizer(frames))
    assert torch.equal(first, words.features[0])
    assert words.position.shape == (3, 256)


def test_the_projection_learns_and_vggish_does_not():
    with torch.device("meta"):
        trained = AudioReference()
    learned = {name for name, parameter in trained.named_parameters() if parameter.requires_grad}
    assert learned == {"resizer.fc.weight", "resizer.fc.bias", "resizer.layer_norm.weight", "resizer.layer_norm.bias"}


def test_gradients_run_from_masks_to_the_projection(reference):
    from baselines.mutr.model import Mutr

    torch.manual_seed(0)
    network = Mutr("swin-t", reference).train()
    segmented = network(network.encode(torch.randn(2, 3, 32, 32)), network.read(torch.randn(2, 96, 64)))
    (segmented.masks.sigmoid().mean() + segmented.logits.sigmoid().mean()).backward()
    assert reference.resizer.fc.weight.grad.abs().sum() > 0
    assert network.mta.layers[0].linear1.weight.grad.abs().sum() > 0
    assert network.mti.query_feat.weight.grad.abs().sum() > 0
