import itertools
import json

import pytest
import torch
from torch import nn

from baselines.layers.training.trainer import TrainingStage, fit

STAGE = TrainingStage("toy", steps=12, learning_rate=0.01, warm_up=3, log_every=2, save_every=4)


class KilledError(Exception):
    pass


def toy():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))


def run(module, out, die_at=None):
    seen = []

    def compute(rng):
        x = torch.from_numpy(rng.normal(size=(16, 4))).float()
        return {"loss": (module(x) - x.sum(1, keepdim=True)).square().mean()}

    def progress(name, step, steps, losses):
        assert (name, steps) == ("toy", 12)
        if step == die_at:
            raise KilledError
        seen.append(step)

    fit(STAGE, module, compute, out, seed=3, progress=progress)
    return seen


def test_a_resumed_training_gives_the_undisturbed_curve_and_weights(tmp_path):
    straight, broken = toy(), toy()
    run(straight, tmp_path / "straight")
    with pytest.raises(KilledError):
        run(broken, tmp_path / "broken", die_at=10)  # its last checkpoint is that of step 8
    fresh = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    assert run(fresh, tmp_path / "broken") == [10, 12]
    curves = [json.loads((tmp_path / name / "toy.json").read_text()) for name in ("straight", "broken")]
    assert curves[0] == curves[1]
    assert [point["step"] for point in curves[0]] == [2, 4, 6, 8, 10, 12]
    for a, b in zip(straight.parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_a_finished_stage_is_only_read(tmp_path):
    first = toy()
    run(first, tmp_path)
    again = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    assert run(again, tmp_path) == []
    for a, b in zip(first.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def test_a_draft_left_by_a_kill_is_no_checkpoint(tmp_path):
    (tmp_path / "toy.draft").write_bytes(b"half a file")
    assert run(toy(), tmp_path) == [2, 4, 6, 8, 10, 12]


def test_frozen_parameters_stay(tmp_path):
    module = toy()
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    run(module, tmp_path)
    torch.testing.assert_close(module[0].weight, before, rtol=0, atol=0)


def test_the_rate_warms_up_and_falls_to_zero():
    rates = [STAGE.rate(step) for step in range(STAGE.steps)]
    assert rates[:3] == pytest.approx([0.01 / 3, 0.02 / 3, 0.01])
    assert all(a >= b for a, b in itertools.pairwise(rates[2:]))
    assert rates[-1] < 0.001
