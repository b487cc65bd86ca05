"""ReferFormer overfits two clips and resumes to the same bytes; the authors' choice of frames, groups and targets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.query_training import (
    QueryTrainOptions,
    clip_anchors,
    clip_frames,
    parameter_groups,
    sentence_targets,
    start_from,
)
from baselines.referformer.checkpoint import load
from baselines.referformer.model import ReferFormer
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import MissingWeightsError
from tests.baselines.overfit import assert_overfits, assert_resumes, write_two_clips
from tests.baselines.tiny_trainings import QUERIES as TINY
from tests.baselines.tiny_trainings import query_case, shrink_networks

CASE = query_case("referformer", "steps=260", variant="scratch")


@pytest.fixture
def tiny(monkeypatch):
    shrink_networks(monkeypatch)


@pytest.mark.usefixtures("tiny")
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_clips_are_overfitted(tmp_path):
    assert_overfits(CASE, tmp_path)


@pytest.mark.usefixtures("tiny")
def test_a_stopped_training_gives_the_same_bytes(tmp_path):
    assert_resumes(replace(CASE, settings=(*CASE.settings, "augment=true", "sentences=1")), tmp_path)


def test_frames_are_near_the_anchor_and_far_from_it():
    choose = clip_frames(5)
    for seed in range(200):
        frames = choose(40, 20, np.random.default_rng(seed))
        assert frames == sorted(frames)
        assert 20 in frames
        assert any(17 <= frame <= 19 for frame in frames)
        assert any(21 <= frame <= 23 for frame in frames)
        assert len([frame for frame in frames if 17 <= frame <= 23]) in (3, 4, 5)
    assert list(clip_anchors(5)(12)) == [0, 5, 10]
    assert clip_frames(1)(40, 7, np.random.default_rng(0)) == [7]


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_short_videos_repeat_frames(length):
    for seed in range(20):
        frames = clip_frames(5)(length, length - 1, np.random.default_rng(seed))
        assert len(frames) == 5
        assert set(frames) <= set(range(length))


def network(config=TINY):
    torch.manual_seed(0)
    return ReferFormer("resnet-mini", TextReference(build_roberta(config.text), config.channels), config)


def test_groups_have_the_authors_rates():
    options = read_train_config("referformer", "resnet50", []).options(QueryTrainOptions)
    model = network()
    groups = {group.name: group for group in parameter_groups(model, replace(options, lr_linear_proj_mult=0.5))}
    assert {name: group.rate for name, group in groups.items()} == {
        "backbone": 5e-5, "text_encoder": 1e-5, "linear_proj": 5e-5, "rest": 1e-4
    }  # fmt: skip
    assert {group.weight_decay for group in groups.values()} == {5e-4}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    moved = {names[id(parameter)] for parameter in groups["linear_proj"].parameters}
    assert "queries.transformer.reference_points.weight" in moved
    assert "queries.transformer.encoder.layers.0.self_attn.sampling_offsets.bias" in moved
    assert all("reference_points" in name or "sampling_offsets" in name for name in moved)


def test_pretrained_weights_leave_the_class_heads(tmp_path):
    old, new = network(), network()
    with torch.no_grad():
        for parameter in old.parameters():
            parameter.fill_(0.25)
    path = tmp_path / "weights.safetensors"
    save_file({authors_key(name): value.contiguous() for name, value in old.state_dict().items()}, path)
    heads = {name: value.clone() for name, value in new.state_dict().items() if ".class_embed." in name}
    start_from(str(path), new, load)
    for name, value in new.state_dict().items():
        assert torch.equal(value, heads.get(name, old.state_dict()[name])), name
    with pytest.raises(MissingWeightsError, match="file to start from not found"):
        start_from(str(tmp_path / "none.pth"), new, load)


def test_targets_of_a_sentence_are_its_objects(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    clip = read_clip(split, "va", (0, 2), split.expressions("va"))
    both = replace(clip.sentences[0], objects=(0, 1))
    union = sentence_targets(clip, both, "union")
    assert union.boxes[0, 0].tolist() == pytest.approx([95 / 2 / 96, 63 / 2 / 64, 95 / 96, 63 / 64])
    apart = sentence_targets(clip, both, "per_object")
    assert apart.boxes[1, 0].tolist() == pytest.approx([(64 + 95) / 2 / 96, (32 + 63) / 2 / 64, 31 / 96, 31 / 64])
    assert torch.equal(apart.masks.amax(0), union.masks[0])
    none = sentence_targets(clip, replace(both, objects=()), "per_object")
    assert (none.masks.sum(), none.valid.any(), len(none.masks)) == (0, False, 1)
