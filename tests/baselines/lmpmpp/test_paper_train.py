"""End-to-end training of the paper variant, in small: what it draws, what it costs, and that many processes are one."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from baselines.layers.inputs.mirror import mirror
from baselines.layers.training.distributed import SINGLE_PROCESS
from baselines.lmpmpp.clips import draw_clip
from baselines.lmpmpp.losses import temporal_contrastive_loss
from baselines.lmpmpp.train import Answered, contrastive_loss, sample_points, train_paper
from mevis_bench.data.mevis.split import open_split
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import MissingWeightsError, TrainingArguments, UsageError
from tests.baselines.lmpmpp.small_paper import OPTIONS, SMALL, small_encoders

DRAW = {"size": SMALL.extractor, "frames": 5, "short_sides": [36], "most_objects": 9}


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_split(make_mini("train", 4, 3, tmp_path_factory.mktemp("data")).parent, "train")


def test_a_clip_spans_its_video_and_shows_what_its_sentence_means(split):
    kinds = set()
    for seed in range(12):
        clip = draw_clip(split, "00001", np.random.default_rng(seed), speech=0.5, **DRAW)
        assert clip.frames.shape == (5, 3, 36, 64)
        ground_truths = {mirror(t.expression.text): t for t in split.ground_truths("00001")}
        ground_truths |= {t.expression.text: t for t in split.ground_truths("00001")}
        ground_truth = ground_truths[clip.asked]
        assert clip.masks.shape == (len(ground_truth.objects), 5, 36, 64)
        assert clip.masks.ge(0).all()
        assert clip.masks.le(1).all()
        kinds.add(min(2, len(ground_truth.objects)))
    assert kinds == {0, 1, 2}


def test_a_mirrored_clip_is_told_with_left_and_right_exchanged(split):
    drawn = [draw_clip(split, "00001", np.random.default_rng(seed), speech=0, **DRAW) for seed in range(40)]
    said = {t.expression.text for t in split.ground_truths("00001")}
    changed = [clip for clip in drawn if clip.asked not in said]
    assert changed
    assert all(mirror(clip.asked) in said for clip in changed)
    assert mirror("the leftmost one, left of the right-hand thing, is bright") == (
        "the rightmost one, right of the left-hand thing, is bright"
    )


def test_points_are_read_where_they_lie():
    maps = torch.arange(12.0).view(1, 1, 3, 4).repeat(2, 3, 1, 1)
    maps[1] += 100
    places = torch.tensor([[0.125, 0.5 / 3], [0.875, 2.5 / 3], [0.5, 0.5]])[None, :, None].repeat(3, 1, 1, 1)
    read = sample_points(maps, places)
    torch.testing.assert_close(read, torch.tensor([[0.0, 11.0, 5.5] * 3, [100.0, 111.0, 105.5] * 3]))


def test_a_question_is_held_against_other_clips_and_its_own_shuffles():
    torch.manual_seed(0)
    one, other = (Answered({}, torch.randn(4), torch.randn(n, 4), torch.randn(m, 4)) for n, m in ((2, 2), (0, 1)))
    expected = temporal_contrastive_loss(
        one.anchor[None],
        torch.cat((one.seg, one.disrupted)),
        torch.tensor([[True, True, False, False]]),
        torch.tensor([[False, False, True, True]]),
    )
    torch.testing.assert_close(contrastive_loss([one, other], SINGLE_PROCESS), expected)


def setup(split, out, **changes):
    return TrainingArguments("paper", {**OPTIONS, **changes}, split, split, out, "cpu", 0, lambda *told: None)


@pytest.mark.slow
def test_two_processes_take_the_steps_that_one_takes(split, tmp_path, monkeypatch):
    """Loss curve and weights of a gloo run of two are those of one process, the gathered tokens of eq. 1 included."""
    with monkeypatch.context() as patch:
        small_encoders(patch)
        alone = setup(split, tmp_path / "alone")
        alone.out.mkdir()
        train_paper(alone, SMALL)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    script = Path(__file__).with_name("small_paper.py")
    subprocess.run(
        [*command, script, split.root.parent, tmp_path / "together"], check=True, capture_output=True, timeout=250
    )
    curves = [json.loads((tmp_path / name / "paper.json").read_text()) for name in ("alone", "together")]
    assert [point["step"] for point in curves[0]] == [point["step"] for point in curves[1]]
    assert curves[0][-1].keys() == {"step", "loss", "txt", "bce", "dice", "con"}
    for one, two in zip(*curves, strict=True):
        assert two == pytest.approx(one, rel=1e-4)
    one, two = (load_file(tmp_path / name / "lmpmpp-paper.safetensors") for name in ("alone", "together"))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-4, msg=name)


def test_half_precision_trains_and_leaves_llama_as_it_is(split, tmp_path, monkeypatch):
    small_encoders(monkeypatch)
    seen = []
    half = setup(split, tmp_path, precision="bfloat16", steps=2, speech=0)
    train_paper(dataclasses.replace(half, progress=lambda *told: seen.append(told[3])), SMALL)
    assert np.isfinite(list(seen[-1].values())).all()
    trained = load_file(tmp_path / "lmpmpp-paper.safetensors")
    assert {value.dtype for value in trained.values()} == {torch.float32}
    assert not [name for name in trained if name.startswith("language.llama.") and ".lora_" not in name]


def test_what_cannot_be_trained_is_told_in_words(split, tmp_path, monkeypatch):
    small_encoders(monkeypatch)
    with pytest.raises(UsageError, match="5 samples can't be shared out among 1 processes and 4 videos"):
        train_paper(setup(split, tmp_path, samples=5), SMALL)
    with pytest.raises(UsageError, match="training option precision can't be 'int8'"):
        train_paper(setup(split, tmp_path, precision="int8"), SMALL)
    missing = OPTIONS["start"] | {"llama": str(tmp_path / "llama.safetensors")}
    with pytest.raises(MissingWeightsError, match=r"llama\.safetensors: a file to start from is not there"):
        train_paper(setup(split, tmp_path, start=missing), SMALL)
