"""LMPM and DsHmp overfit two clips and resume to the same bytes; frames, crops, groups, files to start from."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines.dshmp.config import SIZES as DSHMP_SIZES
from baselines.dshmp.expression_rows import ExpressionRows
from baselines.dshmp.model import DsHmp
from baselines.dshmp.train import OWN_PARTS as DSHMP_OWN_PARTS
from baselines.layers.nn.text_encoder import build_roberta
from baselines.layers.training.clip_augmentation import MovingCrop
from baselines.layers.training.clip_sampling import read_clip
from baselines.layers.training.trajectory_recipe import frames_around, start_from_mask2former, trajectory_groups
from baselines.lmpm.config import SIZES
from baselines.lmpm.model import Lmpm
from baselines.lmpm.train import OWN_PARTS, TrainOptions
from baselines.lmpmpp.mini.common_start import SHIPPED
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import DataError
from tests.baselines.overfit import Case, assert_overfits, assert_resumes, with_tokenizer, write_two_clips
from tests.fixtures.tiny_split import write_tiny_split


def with_start(weights):
    """Files of a training on the common start of the mini variants."""
    return {"model": weights, "start": SHIPPED}


SETTINGS = (
    "min_size_train=[64]",
    "max_size_train=96",
    "sentences=null",
    "losses.train_num_points=128",
    "batch_size=1",
    "base_lr=2.0e-3",
)
SMALL = {"short": 64, "longest": 96}
CASES = {
    "lmpm": Case("lmpm", (*SETTINGS, "sampling_frame_num=4"), SMALL, variant="scratch", files=with_tokenizer),
    "dshmp": Case("dshmp", SETTINGS, SMALL, variant="scratch", files=with_tokenizer),
    "lmpm tracks": Case("lmpm", ("batch_size=2", "base_lr=3.0e-3"), {}, files=with_start),
    "dshmp tracks": Case("dshmp", ("batch_size=2", "base_lr=3.0e-3"), {}, files=with_start),
    "lmpm audio": Case("lmpm", (*SETTINGS, "sampling_frame_num=4"), SMALL, variant="scratch-audio"),
}


STEPS = {"lmpm": 170, "dshmp": 90, "lmpm audio": 170}


@pytest.fixture
def small(monkeypatch):
    """Networks that learn in seconds; the common start has its own sizes."""
    for sizes in (SIZES, DSHMP_SIZES):
        mini = sizes["mini"]
        tiny = replace(
            mini,
            swin=replace(mini.swin, channels=16, depths=(1, 1, 1, 1), heads=(1, 1, 2, 4)),
            pixel=replace(mini.pixel, depth=1, feedforward=64),
            frame=replace(mini.frame, depth=2, feedforward=64, queries=5),
            clip=replace(mini.clip, depth=1, encoder_depth=1, feedforward=64, queries=3, frame_queries=5),
        )
        monkeypatch.setitem(sizes, "mini", tiny)


@pytest.mark.slow
@pytest.mark.parametrize("name", STEPS)  # the common start knows none of the words of these clips
def test_two_clips_are_overfitted(name, tmp_path, small):
    case = CASES[name]
    assert_overfits(replace(case, settings=(*case.settings, f"steps={STEPS[name]}")), tmp_path)


@pytest.mark.parametrize("name", CASES)
def test_a_stopped_training_gives_the_same_bytes(name, tmp_path, request):
    if not name.endswith("tracks"):
        request.getfixturevalue("small")
    assert_resumes(CASES[name], tmp_path)


@pytest.mark.parametrize(("length", "anchor", "again"), [(30, 15, False), (30, 0, False), (5, 2, True), (1, 0, True)])
def test_frames_are_near_the_anchor_and_in_order(length, anchor, again):
    near = [frame for frame in range(length) if abs(frame - anchor) <= 10]
    for seed in range(20):
        chosen = frames_around(8, 10, replace=None)(length, anchor, np.random.default_rng(seed))
        assert chosen == sorted(chosen)
        assert anchor in chosen
        assert set(chosen) <= set(near)
        assert len(chosen) == 8
        assert (len(set(chosen)) < 8) == again
        if length > 1:
            assert chosen.count(anchor) == 1


def test_frames_can_be_drawn_again():
    chosen = [frames_around(6, 8, replace=True)(40, 20, np.random.default_rng(seed)) for seed in range(50)]
    assert any(len(set(frames)) < 6 for frames in chosen)


def test_a_moving_crop_cuts_images_masks_and_boxes_alike(tmp_path):
    split = open_dataset(write_two_clips(tmp_path / "train"), "train")
    clip = read_clip(split, "va", [0, 1, 2, 3], split.expressions("va"))
    where = np.arange(64 * 96, dtype=np.int32).reshape(64, 96)
    marked = np.stack([where % 256, where // 256, np.zeros_like(where)], -1).astype(np.uint8)
    clip = replace(clip, images=np.stack([marked] * 4))
    places = set()
    for seed in range(10):
        crop = MovingCrop(20, 40)(clip, np.random.default_rng(seed))
        height, width = crop.size
        assert 20 <= height <= 40
        assert 20 <= width <= 40
        for frame, image in enumerate(crop.images):
            first = int(image[0, 0, 0]) + 256 * int(image[0, 0, 1])
            top, left = divmod(first, 96)
            assert np.array_equal(image, marked[top : top + height, left : left + width])
            cut = clip.masks[:, frame, top : top + height, left : left + width]
            assert np.array_equal(crop.masks[:, frame], cut)
            for number, mask in enumerate(cut):
                if mask.any():
                    rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
                    extent = [columns[0], rows[0], columns[-1], rows[-1]]
                    box = crop.boxes[number, frame]
                    assert np.abs(box - extent).max() <= 1  # the crop's border is one pixel outside of it
            places.add((seed, top, left))
    assert len(places) > 20  # it moves


def lmpm():
    return Lmpm(build_roberta(SIZES["mini"].text), SIZES["mini"])


def test_parameter_groups_are_the_authors():
    options = read_train_config("lmpm", "swin-t", []).options(TrainOptions)
    network = lmpm()
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for slow_fusion in (True, False):
        groups = {group.name: group for group in trajectory_groups(network, options, slow_fusion=slow_fusion)}
        rates = {name: (group.rate, group.weight_decay) for name, group in groups.items()}
        assert rates == {
            "backbone, no decay": (pytest.approx(5e-6), 0.0),
            "backbone": (pytest.approx(5e-6), 0.05),
            "others, no decay": (5e-5, 0.0),
            "others": (5e-5, 0.05),
        }
        place = {names[id(one)]: group.name for group in groups.values() for one in group.parameters}
        assert place["backbone.layers.0.blocks.0.attn.relative_position_bias_table"] == "backbone, no decay"
        assert place["backbone.norm0.weight"] == "backbone, no decay"
        assert place["backbone.patch_embed.proj.weight"] == "backbone"
        assert place["sem_seg_head.predictor.query_embed.weight"] == "others, no decay"
        assert place["vita_module.class_embed.bias"] == "others"
        fusion = "backbone.layers.0.fusion.vis_project.0.weight"
        assert place[fusion] == ("backbone" if slow_fusion else "others")
        assert not any(name.startswith("text_encoder") for name in place)


@pytest.mark.parametrize(
    ("build", "own"), [(lmpm, OWN_PARTS), (lambda: DsHmp(DSHMP_SIZES["mini"]), DSHMP_OWN_PARTS)], ids=["lmpm", "dshmp"]
)
def test_mask2former_is_loaded_into_the_parts_it_has(build, own, tmp_path):
    network = build()
    state = network.state_dict()
    shared = [key for key in state if key.startswith(("backbone.", "sem_seg_head."))]
    shared = [key for key in shared if not any(part in key for part in own)]
    assert len(shared) > 100
    queries = "sem_seg_head.predictor.query_embed.weight"
    tensors = {
        key: torch.full_like(state[key], 3.0) if state[key].is_floating_point() else state[key] for key in shared
    }
    tensors[queries] = torch.arange(100.0)[:, None].expand(100, state[queries].shape[1]).contiguous()
    tensors["sem_seg_head.predictor.class_embed.weight"] = torch.zeros(81, 4)
    path = tmp_path / "mask2former.safetensors"
    save_file(tensors, path)
    start_from_mask2former(network, path, own)
    after = network.state_dict()
    assert torch.equal(after[queries][:, 0], torch.arange(float(len(state[queries]))))
    assert (after["backbone.norm0.weight"] == 3).all()
    assert torch.equal(after["vita_module.class_embed.weight"], state["vita_module.class_embed.weight"])
    del tensors["backbone.norm0.weight"]
    save_file(tensors, path)
    with pytest.raises(DataError, match=r"1 missing: backbone\.norm0\.weight"):
        start_from_mask2former(network, path, own)


def test_an_expression_is_compared_with_those_of_its_objects_and_of_others(tmp_path):
    """The tiny split has rows 0 "left", 1 "both", 2 none; 3 "right", 4 none; 5, 6 and 7 about one object."""
    rows = ExpressionRows(open_dataset(write_tiny_split(tmp_path / "train"), "train"), samples=6)
    assert len(rows) == 8
    one = rows.contrast("vc", "1")
    assert (one.refer_id, one.positives.tolist()) == (6, [5, 6, 7])
    assert len(one.negatives) == 3
    assert set(one.negatives.tolist()) <= {0, 1, 2, 3, 4}
    left = rows.contrast("va", "0")
    assert (left.refer_id, left.positives.tolist(), left.negatives.tolist()[-1]) == (0, [0], 1)
    nobody = rows.contrast("va", "2")
    assert (nobody.refer_id, nobody.positives.tolist(), nobody.negatives.tolist()[-2:]) == (2, [2], [0, 1])
