"""MUTR overfits two clips and resumes to the same bytes; the audio branch learns all but VGGish."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from baselines.layers.nn import language_queries
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import UsageError
from tests.baselines.overfit import Case, assert_overfits, assert_resumes
from tests.fixtures.tiny_split import write_tiny_split

TINY = replace(LANGUAGE_QUERIES_SIZES["mini"], depth=1, feedforward=64, queries=2)
SETTINGS = (
    "steps=240", "batch_size=2", "sentences=null", "num_frames=3", "scales=[64]", "max_size=96", "augment=false",
    "lr=2e-3", "lr_backbone=2e-3", "lr_text_encoder=2e-3", "lr_linear_proj_mult=0.3",
    "clip_max_norm=1.0", "lr_drop=[7,9]", "epochs=10",
)  # fmt: skip
CASE = Case("mutr", SETTINGS, {"short": 64}, "scratch")
AUDIO = Case(
    "mutr",
    (*SETTINGS, "no_target=skip"),
    {"short": 64, "size": "mini", "backbone": "resnet-mini"},
    "audio-video-swin-t",
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setitem(language_queries.LANGUAGE_QUERIES_SIZES, "mini", TINY)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "augment=true", "sentences=1")), tmp_path)


@pytest.mark.slow
def test_the_audio_branch_learns_all_but_vggish(tmp_path):
    before = load_file(AUDIO.train(tmp_path / "one", "steps=1"))
    weights = AUDIO.train(tmp_path / "two", "steps=2")
    after = load_file(weights)
    moved = {name for name, value in after.items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith("audio_encoder.")]
    assert {"resizer.fc.weight", "controller.layers.0.weight", "MTA.layers.0.norm1.weight"} <= moved
    assert set(AUDIO.score(weights)) >= {"J", "F"}


def test_a_split_without_speech_is_refused(tmp_path):
    write_tiny_split(tmp_path / "clips" / "train")
    assert open_dataset(tmp_path / "clips" / "train", "train").video_ids
    with pytest.raises(UsageError, match="the split has no speech"):
        AUDIO.train(tmp_path / "out", "steps=1")
