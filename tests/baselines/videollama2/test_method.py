"""VideoLLaMA 2 end to end at mini size: a sentence per target set, from random or from stored weights."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from baselines.videollama2.method import load
from baselines.videollama2.model import build
from baselines.videollama2.options import Options
from baselines.videollama2.sizes import SIZES
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import DataError, MethodConfig, MethodError, TargetMasks, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = {
    "size": "mini", "frames": 8, "fit": "squash", "color": [255, 0, 0], "alpha": 0.5, "precision": "float32",
    "bits": 16, "max_new_tokens": 4,
}  # fmt: skip


def setup(weights: Path | None = None, **changes: object) -> MethodConfig:
    files = None if weights is None else {"model": weights}
    return MethodConfig("rmeg", "mini", Options(**OPTIONS | changes), files, "cpu", seed=0)


@pytest.fixture
def video(tmp_path: Path) -> Video:
    return noise_video(tmp_path, frames=3, height=32, width=64)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    folder = tmp_path / "mini"
    folder.mkdir()
    torch.manual_seed(0)
    network = build(SIZES["mini"])
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, folder / "model.safetensors")
    build_tokenizer((), 320).save_pretrained(folder)
    return folder


def test_stored_weights_give_the_same_sentences(video: Video, weights: Path) -> None:
    prompts = [TargetMasks("0", ((None,) * 3,))] * 2
    untrained = list(load(setup()).predict(video, prompts))
    stored = list(load(setup(weights)).predict(video, prompts))
    assert untrained == stored
    assert untrained[0].target_kept is None
    assert len(untrained[0].text.split()) <= 4


def test_fewer_bits_need_a_package(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    with pytest.raises(MethodError, match="8-bit weights need the package 'bitsandbytes'"):
        load(setup(weights, bits=8))


def test_a_folder_without_tensors_is_one_clear_error(weights: Path) -> None:
    (weights / "model.safetensors").unlink()
    with pytest.raises(DataError, match="found neither"):
        load(setup(weights))


def test_masks_are_described_and_sentences_are_not(video: Video) -> None:
    with pytest.raises(TypeError, match="VideoLLaMA 2 requires target masks, got TextPrompt"):
        next(load(setup()).predict(video, [TextPrompt("0", "a cat")]))
