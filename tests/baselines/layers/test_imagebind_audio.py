"""ImageBind's audio encoder agrees with the original, from the samples of a recording to its vector."""

from fractions import Fraction
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from baselines.layers.inputs.imagebind_mel import CLIP_FRAMES, clip_times, log_mel, mel_clips
from baselines.layers.nn.imagebind_audio import ImageBindAudio
from tests.baselines.parity import check_close, expected_keys, fill_by_name, load_vectors, parity_files, shapes
from tests.baselines.small_vectors import check_thinned, load_small_vector


@pytest.fixture(scope="module")
def encoder() -> ImageBindAudio:
    encoder = ImageBindAudio().eval()
    fill_by_name(encoder)
    return encoder


def test_keys_are_those_of_the_published_file(encoder: ImageBindAudio) -> None:
    assert shapes(encoder) == expected_keys("imagebind_audio")


def test_size(encoder: ImageBindAudio) -> None:
    assert len(encoder.state_dict()) == 177
    assert round(sum(parameter.numel() for parameter in encoder.parameters()) / 1e6, 2) == 86.24


@pytest.mark.parametrize("path", parity_files("imagebind_audio"))
def test_parity_imagebind_audio(path: Path, encoder: ImageBindAudio) -> None:
    vectors = load_vectors(path)
    seen = stages(encoder, vectors["in_audio"])
    assert seen.keys() == {key for key in vectors if key.startswith("out_")}
    for key, ours in seen.items():
        check_close(key, ours, vectors[key], atol=1e-5, rtol=1e-5)


def test_small_vector(encoder: ImageBindAudio) -> None:
    vectors = load_small_vector("layers", "in_audio")
    for key, ours in stages(encoder, vectors["in_audio"]).items():
        check_thinned(key, ours, vectors[key], atol=1e-5, rtol=1e-5)


def stages(encoder: ImageBindAudio, audio: NDArray) -> dict[str, Tensor]:
    """Outputs of the encoder's stages, large ones with every 8th token and channel, as the vectors keep them."""
    places = {
        "out_tokens": "modality_preprocessors.audio",
        "out_block0": "modality_trunks.audio.blocks.0",
        "out_trunk": "modality_trunks.audio",
        "out_head": "modality_heads.audio",
    }
    seen: dict[str, Tensor] = {}
    hooks = [
        encoder.get_submodule(place).register_forward_hook(lambda _m, _i, out, key=key: seen.update({key: out}))
        for key, place in places.items()
    ]
    with torch.inference_mode():
        seen["out_embedding"] = encoder(torch.from_numpy(audio))
    for hook in hooks:
        hook.remove()
    return {key: ours[:, ::8, ::8] if ours.dim() == 3 else ours for key, ours in seen.items()}


@pytest.mark.parametrize("path", parity_files("imagebind_mel"))
def test_parity_imagebind_mel(path: Path, encoder: ImageBindAudio) -> None:
    vectors = load_vectors(path)
    assert vectors["in_sample_rate"] == 16000
    waveform = torch.from_numpy(vectors["in_pcm16"]).float() / 32768
    times = torch.tensor([[float(start), float(end)] for start, end in clip_times(len(waveform))])
    check_close("out_clip_times", times.double(), vectors["out_clip_times"], atol=1e-6)
    mel = mel_clips(waveform)[None]
    check_close("out_mel", mel, vectors["out_mel"], atol=5e-4, rtol=0)
    first = waveform[:32000]
    raw = log_mel(first - first.mean())
    raw = F.pad(raw, (0, CLIP_FRAMES - raw.shape[1]))[None]
    check_close("out_melspec_first2s_unnormalised", raw, vectors["out_melspec_first2s_unnormalised"], atol=5e-4)
    heads: list[Tensor] = []
    hook = encoder.get_submodule("modality_heads.audio").register_forward_hook(lambda _m, _i, out: heads.append(out))
    with torch.inference_mode():
        embedding = encoder(mel)
    hook.remove()
    check_close("out_head", heads[0], vectors["out_head"], atol=5e-4)
    check_close("out_embedding", embedding, vectors["out_embedding"], atol=5e-4)


def test_clips_spread_evenly_and_a_short_recording_is_taken_three_times() -> None:
    assert clip_times(16000) == [(0, 2)] * 3
    assert clip_times(5 * 16000) == [(0, 2), (Fraction(3, 2), Fraction(7, 2)), (3, 5)]


def test_the_end_of_a_short_clip_is_padded_before_normalizing() -> None:
    mel = mel_clips(torch.randn(8000, generator=torch.Generator().manual_seed(0)))
    assert mel.shape == (3, 1, 128, 204)
    assert torch.allclose(mel[..., 48:], torch.tensor(4.268 / 9.138))
