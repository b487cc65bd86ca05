"""MUTR overfits two clips and resumes to the same bytes; the audio branch learns all but VGGish."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from mevis_bench.data.registry import open_dataset
from mevis_bench.records import UsageError
from tests.baselines.overfit import Case, assert_overfits, assert_resumes
from tests.baselines.tiny_trainings import query_case, shrink_networks
from tests.fixtures.tiny_split import write_tiny_split

CASE = query_case("mutr", "steps=240", "clip_max_norm=1.0", "lr_drop=[7,9]", "epochs=10", variant="scratch")
AUDIO = Case(
    "mutr",
    (*CASE.settings, "no_target=skip"),
    {"short": 64, "size": "mini", "backbone": "resnet-mini"},
    "audio-video-swin-t",
)


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    shrink_networks(monkeypatch)


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
