"""Every term of equation 2 in the paper's training on hand-made outputs, and what one step changes."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from baselines.layers.training.parameter_groups import group_by_shape
from baselines.lmpmpp import train as lmpmpp_train
from baselines.lmpmpp.checkpoint import trained_tensors
from baselines.lmpmpp.clips import TrainingClip
from baselines.lmpmpp.config import TINY
from baselines.lmpmpp.model import LMPMpp, LMPMppOutput
from baselines.lmpmpp.train import (
    ClipOutputs,
    compute_loss,
    contrastive_loss_across_clips,
    mask_losses,
    text_loss,
    train_paper,
    training_step,
)
from baselines.lmpmpp.train_options import PaperTrainOptions
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import TrainingStage
from mevis_bench.training.loop import LoopTrainer
from mevis_bench.training.processes import Processes
from tests.baselines.lmpmpp.small_model import OPTIONS, build_encoders
from tests.fixtures.training_arguments import ignore, make_training_arguments, read_options

SURE = 20.0


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = LMPMpp(TINY)
    model.language.add_adapters()
    return model


def objects():
    """Ground truth of two objects in three frames: a left and a right half, larger than the sampled cells."""
    masks = torch.zeros(2, 3, 16, 16)
    masks[0, :, :, :8] = 1
    masks[1, :, :, 8:] = 1
    masks[1, 0] = 0
    return masks


def outputs_with_masks(masks):
    return LMPMppOutput(torch.zeros(0), len(masks), torch.zeros(0), (2 * masks - 1) * SURE)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_seg_tokens_may_have_any_order(order):
    """Only cells at the boundary of the halves, where bilinear sampling blends, cost something."""
    losses = mask_losses(outputs_with_masks(objects()[order]), objects(), np.random.default_rng(0))
    assert losses["bce"].item() < 0.6
    assert losses["dice"].item() < 0.05


@pytest.mark.parametrize("order", [[0, 0], [1, 1]])
def test_two_seg_tokens_of_one_object_miss_the_other(order):
    losses = mask_losses(outputs_with_masks(objects()[order]), objects(), np.random.default_rng(0))
    assert losses["bce"].item() > 5
    assert losses["dice"].item() > 0.3


def test_a_clip_without_target_has_no_mask_loss():
    outputs = outputs_with_masks(torch.zeros(0, 3, 4, 4))
    losses = mask_losses(outputs, torch.zeros(0, 3, 16, 16), np.random.default_rng(0))
    assert losses == {"bce": 0, "dice": 0}


def answer_loss(model, tokens, num_objects=2):
    """Text loss of a model that is certain of ``tokens``."""
    logits = torch.zeros(2 + num_objects, model.language.prompt.seg + 1)
    for position, token in enumerate(tokens):
        logits[position, token] = SURE
    return text_loss(model, LMPMppOutput(logits, num_objects, torch.zeros(0), torch.zeros(0))).item()


def test_the_right_answer_costs_nothing_and_every_wrong_token_does(model):
    prompt = model.language.prompt
    numeral, seg, end = prompt.numerals, prompt.seg, prompt.end
    assert answer_loss(model, [numeral[2], seg, seg, end]) == pytest.approx(0, abs=1e-5)
    assert answer_loss(model, [numeral[0], seg, seg, end]) == pytest.approx(SURE / 4, rel=1e-3)
    assert answer_loss(model, [numeral[2], seg, seg, seg]) == pytest.approx(SURE / 4, rel=1e-3)
    assert answer_loss(model, [numeral[2], end, seg, end]) == pytest.approx(SURE / 4, rel=1e-3)
    assert answer_loss(model, [numeral[0], end], num_objects=0) == pytest.approx(0, abs=1e-5)


def training_clip(num_objects=2, frames=6):
    masks = torch.zeros(num_objects, frames, 36, 64)
    for index in range(num_objects):
        masks[index, :, :, 20 * index : 20 * index + 15] = 1
    return TrainingClip(torch.rand(frames, 3, 36, 64) * 255, "the ball that moves left", masks)


def test_disrupted_tokens_are_of_object_embeddings_shuffled_along_time(model, monkeypatch):
    passes = []
    forward = LMPMpp.forward

    def record(self, features, embeddings, prompt, num_objects):
        passes.append((embeddings.detach(), num_objects))
        return forward(self, features, embeddings, prompt, num_objects)

    monkeypatch.setattr(LMPMpp, "forward", record)
    clip = training_step(model, build_encoders(), training_clip(), 3, np.random.default_rng(0))
    assert [num_objects for _, num_objects in passes] == [2, 2, 2, 2]
    ordered, *shuffled = (embeddings for embeddings, _ in passes)
    for embeddings in shuffled:
        source = [next(t for t in range(6) if torch.equal(frame, ordered[t])) for frame in embeddings]
        assert sorted(source) == list(range(6))
        assert source != list(range(6))
    assert clip.seg.shape == (2, 12)
    assert clip.disrupted.shape == (6, 12)
    assert not torch.allclose(clip.seg, clip.disrupted[:2])
    passes.clear()
    empty = training_step(model, build_encoders(), training_clip(0), 3, np.random.default_rng(0))
    assert len(passes) == 1
    assert (len(empty.seg), len(empty.disrupted)) == (0, 0)


def clip_outputs(seed, txt, bce, dice):
    generator = torch.Generator().manual_seed(seed)
    seg, disrupted, anchor = (torch.randn(*shape, generator=generator) for shape in ((2, 4), (2, 4), (4,)))
    losses = {"txt": torch.tensor(txt), "bce": torch.tensor(bce), "dice": torch.tensor(dice)}
    return ClipOutputs(losses, anchor, seg, disrupted)


def test_the_loss_is_equation_2_over_the_means_of_the_clips():
    clips = [clip_outputs(0, 1.0, 0.0, 0.2), clip_outputs(1, 3.0, 4.0, 0.4)]
    losses = compute_loss(clips, 0.1)
    assert losses["txt"].item() == pytest.approx(2)
    assert losses["bce"].item() == pytest.approx(2)
    assert losses["dice"].item() == pytest.approx(0.3)
    con = contrastive_loss_across_clips(clips, 0.1).item()
    assert con > 0
    assert losses["con"].item() == pytest.approx(con)
    assert losses["loss"].item() == pytest.approx(1.0 * 2 + 2.0 * 2 + 0.5 * 0.3 + 0.3 * con)
    without = compute_loss(clips, None)
    assert "con" not in without
    assert without["loss"].item() == pytest.approx(1.0 * 2 + 2.0 * 2 + 0.5 * 0.3)


def test_tau_is_a_training_option(tmp_path, monkeypatch):
    """The configured value reaches equation 1, and ``contrastive: false`` leaves it out."""
    temperatures = []

    def record(clips, temperature):
        temperatures.append(temperature)
        return {"loss": torch.stack([clip.losses["txt"] for clip in clips]).mean()}

    monkeypatch.setattr(lmpmpp_train, "compute_loss", record)
    monkeypatch.setattr(lmpmpp_train, "draw_clip", lambda *args, **options: training_clip(1, 2))
    data = SimpleNamespace(video_ids=("a",), fingerprint="f")
    for changes in ({"temperature": 0.3}, {"contrastive": False}):
        out = tmp_path / next(iter(changes))
        out.mkdir()
        options = {**OPTIONS, "steps": 1, "samples": 1, **changes}
        args = make_training_arguments("paper", read_options(options, PaperTrainOptions), data, out)
        train_paper(args, TINY)
    assert temperatures == [0.3, None]


def test_one_step_changes_every_trainable_parameter_and_no_frozen_one(tmp_path, monkeypatch):
    """With the learning rate and the weight decay of ``train_paper``; speech and text, one clip each."""
    models = []
    build = lmpmpp_train.build_pretrained

    def record(*args):
        model, encoders = build(*args)
        with torch.no_grad():  # LoRA's second factor is 0, which stops the gradient of the first one in the first step
            for name, parameter in model.named_parameters():
                if name.endswith("lora_b"):
                    parameter.normal_(std=0.02)
        models.append((model, {name: p.detach().clone() for name, p in model.named_parameters()}))
        return model, encoders

    monkeypatch.setattr(lmpmpp_train, "build_pretrained", record)
    drawn = iter([training_clip(), training_clip(1)] * 10)
    speech = tmp_path / "a.wav"
    write_speech(speech)

    def draw(*args, **options):
        clip = next(drawn)
        return clip if len(clip.masks) == 2 else dataclasses.replace(clip, prompt=speech)

    monkeypatch.setattr(lmpmpp_train, "draw_clip", draw)
    data = SimpleNamespace(video_ids=("a", "b"), fingerprint="f")
    options = {**OPTIONS, "steps": 1, "samples": 2}
    train_paper(make_training_arguments("paper", read_options(options, PaperTrainOptions), data, tmp_path), TINY)
    ((model, before),) = models
    unchanged = {name for name, p in model.named_parameters() if torch.equal(p, before[name])}
    frozen = before.keys() - trained_tensors(model).keys()
    unused = {name for name in before if name.startswith(UNUSED_BY_EQUATION_2)}
    assert unchanged == frozen | unused


UNUSED_BY_EQUATION_2 = ("extractor.decoder.class_embed.", "extractor.decoder.mask_embed.")
"""Equation 2 supervises neither classes nor masks of single-frame queries; their masks only steer attention."""


def write_speech(path):
    import soundfile

    soundfile.write(path, 0.1 * np.random.default_rng(0).standard_normal(9000), 16000)


@pytest.mark.slow
def test_a_clip_can_be_overfit(tmp_path):
    """150 steps on one clip of two objects: N_o = 2 and the masks are right."""
    torch.manual_seed(0)
    model, encoders, clip = LMPMpp(TINY), build_encoders(), training_clip(frames=3)
    frames = clip.frames / 4
    for index, mask in enumerate(clip.masks):
        frames[:, index] = torch.where(mask.bool(), 220.0, frames[:, index])
    clip = dataclasses.replace(clip, frames=frames)

    stage = TrainingStage(
        name="clip",
        module=model,
        groups=group_by_shape(model, 5e-3, 0.05),
        sample=lambda rng, position: rng,
        loss_fn=lambda rngs: compute_loss([training_step(model, encoders, clip, 0, rngs[0])], None),
        steps=150,
        schedule=WarmupCosineSchedule(10),
        betas=(0.9, 0.98),
        max_gradient_norm=1.0,
    )
    LoopTrainer(tmp_path, Processes("cpu"), 0, ignore).fit(stage)
    model.eval()
    outputs = model.generate(model.encode_frames(clip.frames), encoders(clip.prompt))
    assert outputs.num_objects == 2
    predicted = torch.nn.functional.interpolate(outputs.mask_logits, size=(36, 64), mode="bilinear") > 0
    targets = clip.masks.bool()
    iou = [[float((p & t).sum() / (p | t).sum()) for t in targets] for p in predicted]
    assert max(iou[0][0] + iou[1][1], iou[0][1] + iou[1][0]) / 2 > 0.9
