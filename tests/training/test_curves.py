"""Curves of a training in TensorBoard and Weights & Biases, where these are installed."""

import json

import pytest

from tests.fixtures.fake_logs import install_tensorboard, install_wandb
from tests.training.toy import toy_module, toy_stage, toy_trainer


def fit(out, steps=6):
    metrics = iter([0.5, 0.75])
    stage = toy_stage(toy_module(), evaluate=lambda: {"J": next(metrics)}, evaluate_every=steps // 2, steps=steps)
    toy_trainer(out).fit(stage)
    return json.loads((out / "curves" / "toy.json").read_text())["losses"]


def test_events_have_the_curve_the_rate_and_the_metrics(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    events = install_tensorboard(monkeypatch)
    curve = fit(tmp_path)
    assert events.opened == [(str(tmp_path / "tensorboard" / "toy"), 1)]
    found = {(name, step): value for name, value, step in events.scalars}
    assert [found["loss", point["step"]] for point in curve] == [point["loss"] for point in curve]
    assert (found["val_J", 3], found["val_J", 6]) == (0.5, 0.75)
    assert found["rate_factor", 3] == pytest.approx(1.0)  # the warm-up ends with step 3


def test_a_project_that_the_environment_names_gets_the_same_values(tmp_path, monkeypatch):
    run = install_wandb(monkeypatch)
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    curve = fit(tmp_path)
    assert [(settings.name, settings.resume) for settings in run.started] == [(f"{tmp_path.name}-toy", "allow")]
    logged = [(step, name, value) for step, values in run.logged for name, value in values.items()]
    assert {(point["step"], "loss", point["loss"]) for point in curve} <= set(logged)
    assert {(3, "val_J", 0.5), (6, "val_J", 0.75)} <= set(logged)
    assert run.finished


def test_without_a_project_nothing_is_sent(tmp_path, monkeypatch):
    run = install_wandb(monkeypatch)
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    fit(tmp_path)
    assert not run.started
    assert not run.logged
