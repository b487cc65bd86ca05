"""The loop: resume to the same bytes, several processes, accumulation, averages, groups, errors."""

import errno
import json
import math
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

from mevis_bench.records import DataError, MevisBenchError, UsageError
from mevis_bench.records.training import ParameterGroup
from mevis_bench.schemas.stage_state import StageState
from mevis_bench.training import checkpoints
from tests.training.toy import toy_module, toy_stage, toy_trainer

SCRIPT = Path(__file__).with_name("toy.py")
LAST = "checkpoints/toy.safetensors"


def curve(out):
    return json.loads((out / "curves" / "toy.json").read_text())


def run_script(*arguments, torchrun=False):
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"] if torchrun else []
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250, check=False)


@pytest.mark.slow
def test_a_training_killed_three_times_gives_the_bytes_of_an_undisturbed_one(tmp_path):
    assert run_script(tmp_path / "straight").returncode == 0
    for step, when in ((5, "loss"), (3, "save"), (1, "loss")):
        assert run_script(tmp_path / "killed", step, when).returncode == -signal.SIGKILL
    assert run_script(tmp_path / "killed").returncode == 0
    for name in (LAST, "curves/toy.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "straight" / name).read_bytes(), name
    points = curve(tmp_path / "killed")
    assert [point["step"] for point in points["losses"]] == [3, 6, 9, 12]
    assert [point["step"] for point in points["evaluations"]] == [4, 8, 12]


@pytest.mark.slow
def test_two_processes_equal_one_with_the_same_batch(tmp_path):
    result = run_script(tmp_path / "together", torchrun=True)
    assert result.returncode == 0, result.stderr
    toy_trainer(tmp_path / "alone").fit(toy_stage(toy_module(dropout=0.0)))
    for one, two in zip(*(curve(tmp_path / name)["losses"] for name in ("alone", "together")), strict=True):
        assert two["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert two["rows"] == pytest.approx(one["rows"] / 2)
    one, two = (load_file(tmp_path / name / LAST) for name in ("alone", "together"))
    for name in ("model.0.weight", "model.2.bias", "optimizer.0.weight/exp_avg"):
        torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def wide_stage(module):
    """Sums over 40,000 rows, which torch divides among its threads; every weight's gradient is one of a thousand."""
    rows = torch.randn(40_000, 4, generator=torch.Generator().manual_seed(0))
    places = torch.randint(32, (40_000,), generator=torch.Generator().manual_seed(0))
    stage = toy_stage(module)

    def loss_fn(samples):
        error = module[2](module[0](rows)) - rows.sum(1, keepdim=True) * module[0].weight.flatten()[places][:, None]
        return {"loss": stage.loss_fn(samples)["loss"] + error.square().mean()}

    return replace(stage, loss_fn=loss_fn)


def test_a_resumed_training_has_the_threads_that_it_began_with(tmp_path, two_threads):
    """A sum that is divided among other threads is rounded otherwise, so the bytes would not be the same."""
    toy_trainer(tmp_path / "whole").fit(wide_stage(toy_module(dropout=0.0)))
    stopped = replace(wide_stage(toy_module(dropout=0.0)), log_every=1)

    def stop(stage, step, steps, values):
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "stopped", stop).fit(stopped)
    torch.set_num_threads(1)
    toy_trainer(tmp_path / "one").fit(wide_stage(toy_module(dropout=0.0)))
    toy_trainer(tmp_path / "stopped").fit(wide_stage(toy_module(dropout=0.0)))
    assert torch.get_num_threads() == 2
    whole, resumed, one = (load_file(tmp_path / name / LAST) for name in ("whole", "stopped", "one"))
    weights = [name for name in whole if name.startswith("model.")]
    assert all(torch.equal(resumed[name], whole[name]) for name in weights)
    assert not all(torch.equal(one[name], whole[name]) for name in weights)


def slow_loop(stage, steps, decay):
    """The same training written out: plain AdamW, one backward pass per step, averages as lists of floats."""
    from mevis_bench.records.training import SamplePosition
    from mevis_bench.training.random_seeds import sample_generator

    parameters = [parameter for group in stage.groups for parameter in group.parameters]
    averages = [parameter.detach().double() for parameter in parameters]
    optimizer = torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.05)
    for step in range(steps):
        positions = [SamplePosition(step, index) for index in range(stage.batch_size)]
        samples = [stage.sample(sample_generator(3, "toy", position), position) for position in positions]
        parts = [samples[:2], samples[2:]] if stage.accumulation == 2 else [samples]
        loss = sum(stage.loss_fn(part)["loss"] for part in parts) / len(parts)
        optimizer.zero_grad()
        loss.backward()
        norm = sum(float(parameter.grad.square().sum()) for parameter in parameters) ** 0.5
        for parameter in parameters:
            parameter.grad *= min(1.0, 1.0 / (norm + 1e-6))
        optimizer.param_groups[0]["lr"] = 0.01 * stage.schedule.factor(step, stage.steps)
        optimizer.step()
        averages = [decay * a + (1 - decay) * p.detach() for a, p in zip(averages, parameters, strict=True)]
    return averages


@pytest.mark.parametrize("accumulation", [1, 2])
def test_weights_are_the_moving_average_of_a_slow_loop(tmp_path, accumulation):
    module, slow_module = toy_module(dropout=0.0), toy_module(dropout=0.0)
    toy_trainer(tmp_path).fit(toy_stage(module, ema_decay=0.8, accumulation=accumulation))
    expected = slow_loop(toy_stage(slow_module.train(), accumulation=accumulation), 12, 0.8)
    assert not module.training
    for parameter, average in zip(module[:3].parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.detach().double(), average, rtol=1e-4, atol=1e-6)


def test_the_curve_has_the_mean_of_the_losses_between_its_points(tmp_path):
    losses, seen = [], []
    stage = toy_stage(toy_module())

    def loss_fn(samples):
        values = stage.loss_fn(samples)
        losses.append(float(values["loss"].detach()))
        return values

    toy_trainer(tmp_path, lambda *progress: seen.append(progress)).fit(replace(stage, loss_fn=loss_fn, steps=8))
    points = curve(tmp_path)["losses"]
    assert [point["step"] for point in points] == [3, 6, 8]
    means = [sum(losses[:3]) / 3, sum(losses[3:6]) / 3, sum(losses[6:]) / 2]
    assert [point["loss"] for point in points] == pytest.approx(means)
    assert [(name, step, steps) for name, step, steps, _ in seen] == [("toy", step, 8) for step in (3, 6, 8)]
    assert (tmp_path / "curves" / "toy.png").stat().st_size > 1000


def test_a_complete_stage_is_only_loaded(tmp_path):
    first, again = toy_module(), toy_module()
    toy_trainer(tmp_path).fit(toy_stage(first))
    refused = replace(toy_stage(again), loss_fn=lambda samples: pytest.fail("trained again"))
    toy_trainer(tmp_path).fit(refused)
    for name, value in first.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value, rtol=0, atol=0)


def test_the_stage_ends_with_the_weights_of_its_best_evaluation(tmp_path):
    module, seen = toy_module(), {}
    values = iter([0.1, 0.9, 0.3])

    def evaluate():
        assert not module.training
        value = next(values)
        seen[value] = module[0].weight.detach().clone()
        return {"quality": value}

    stage = toy_stage(module, evaluate=evaluate, evaluate_every=5, best_metric="quality")
    toy_trainer(tmp_path).fit(stage)
    torch.testing.assert_close(module[0].weight.detach(), seen[0.9], rtol=0, atol=0)
    _, state = checkpoints.CheckpointFiles(tmp_path, "toy").load(tmp_path / LAST)
    assert (state.step, state.best, state.best_step) == (12, 0.9, 10)


def test_frozen_parameters_stay_and_are_not_saved(tmp_path):
    module = toy_module()
    module[0].requires_grad_(False)
    before = module[0].weight.clone()
    toy_trainer(tmp_path).fit(toy_stage(module))
    torch.testing.assert_close(module[0].weight, before, rtol=0, atol=0)
    names = load_file(tmp_path / LAST)
    assert "model.2.weight" in names
    assert "model.0.weight" not in names


def test_bfloat16_computes_losses_in_autocast_and_keeps_float32_weights(tmp_path):
    module, types = toy_module(), []
    stage = toy_stage(module, precision="bfloat16", steps=1)

    def loss_fn(samples):
        types.append(module[0](samples[0]).dtype)
        return stage.loss_fn(samples)

    toy_trainer(tmp_path).fit(replace(stage, loss_fn=loss_fn))
    assert types == [torch.bfloat16]
    assert module[0].weight.dtype == torch.float32


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_loss_or_gradient_that_is_not_finite_stops_the_training(tmp_path, where):
    module, calls = toy_module(), []
    stage = toy_stage(module, sample_name=lambda sample: f"clip of {len(sample)}")

    def loss_fn(samples):
        calls.append(len(samples))
        losses = stage.loss_fn(samples)
        if len(calls) == 6:
            weight = module[0].weight.sum()
            losses["loss"] = losses["loss"] + (weight * float("nan") if where == "loss" else (weight * 0).sqrt())
        return losses

    with pytest.raises(MevisBenchError) as caught:
        toy_trainer(tmp_path).fit(replace(stage, loss_fn=loss_fn))
    assert "stage 'toy', step 5: the loss or its gradient is not finite (loss" in caught.value.message
    assert caught.value.message.count("clip of ") == 4
    assert f"the last good checkpoint is that of step 4, {tmp_path / LAST}" in str(caught.value)
    assert all(torch.isfinite(value).all() for value in load_file(tmp_path / LAST).values())
    toy_trainer(tmp_path).fit(toy_stage(toy_module()))
    assert [point["step"] for point in curve(tmp_path)["losses"]] == [3, 6, 9, 12]


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    save_file, saved = checkpoints.save_file, []

    def full(tensors, path, metadata):
        saved.append(path)
        if len(saved) == 3:
            Path(path).write_bytes(b"half a file")
            raise OSError(errno.ENOSPC, "No space left on device")
        save_file(tensors, path, metadata)

    monkeypatch.setattr(checkpoints, "save_file", full)
    message = "the disk is full: the checkpoint of step 6 cannot be written; the last good checkpoint is that of step 4"
    with pytest.raises(MevisBenchError, match=message):
        toy_trainer(tmp_path).fit(toy_stage(toy_module()))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["toy.safetensors"]
    toy_trainer(tmp_path).fit(toy_stage(toy_module()))
    straight = tmp_path / "straight"
    toy_trainer(straight).fit(toy_stage(toy_module()))
    assert (tmp_path / LAST).read_bytes() == (straight / LAST).read_bytes()


def test_a_refused_write_of_safetensors_is_a_full_disk(tmp_path):
    """A limit on file sizes makes the system refuse the write, as a full disk does."""
    files = checkpoints.CheckpointFiles(tmp_path, "toy")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(MevisBenchError, match="the disk is full"):
            files.save(files.last, {"x": torch.zeros(1 << 20)}, StageState(0, [], [], None, None))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(files.last.parent.iterdir())


@pytest.mark.parametrize("change", ["shape", "name", "file"])
def test_a_checkpoint_of_another_model_is_refused(tmp_path, change):
    toy_trainer(tmp_path).fit(toy_stage(toy_module()))
    module = toy_module()
    if change == "shape":
        module[2] = nn.Linear(8, 1, bias=True)
        module[0] = nn.Linear(4, 8)
        module[0].weight = nn.Parameter(torch.zeros(7, 4))
        message = "the checkpoint belongs to another model: 1 tensors differ, for instance '0.weight'"
    elif change == "name":
        module.append(nn.Linear(1, 1).requires_grad_(False))
        module[4].weight.requires_grad_(True)
        message = "1 tensors differ, for instance '4.weight'"
    else:
        (tmp_path / LAST).write_bytes(b"no tensors")
        message = "not a checkpoint of a training"
    stage = toy_stage(module)
    if change == "name":
        stage = replace(stage, groups=[*stage.groups, ParameterGroup("new", [module[4].weight], 0.1)])
    with pytest.raises(DataError, match=message) as caught:
        toy_trainer(tmp_path).fit(stage)
    assert caught.value.location == str(tmp_path / LAST)


STATE = {"step": 3, "curve": [{"step": 3, "loss": 0.5}], "evaluations": [], "best": None, "best_step": None}


def test_the_state_of_a_checkpoint_comes_back_as_it_was_written(tmp_path):
    files = checkpoints.CheckpointFiles(tmp_path, "toy")
    state = StageState(3, [{"step": 3, "loss": 0.5}], [{"step": 3, "J": None}], 0.25, 3, threads=2)
    files.save(files.last, {"x": torch.zeros(1)}, state)
    text = (
        '{"step": 3, "curve": [{"step": 3, "loss": 0.5}], "evaluations": [{"step": 3, "J": null}], '
        '"best": 0.25, "best_step": 3, "threads": 2}'
    )
    with safe_open(files.last, framework="pt") as file:
        assert file.metadata() == {"state": text}
    assert files.load(files.last)[1] == state


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "not a checkpoint of a training: it has no state"),
        ({"other": "{}"}, "not a checkpoint of a training: it has no state"),
        ({"state": "{"}, "invalid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ({"state": json.dumps({**STATE, "steps": 3})}, "unknown key 'steps'"),
        ({"state": json.dumps({**STATE, "step": None})}, "'step': expected an integer, got null"),
        ({"state": json.dumps({"step": 3})}, "missing key 'curve'"),
        ({"state": json.dumps({**STATE, "curve": [{"step": 3, "loss": "0"}]})}, "'curve[0].loss': expected a number"),
        ({"state": json.dumps({**STATE, "best": float("nan")})}, "invalid JSON: NaN is not a JSON number"),
        ({"state": json.dumps({**STATE, "threads": 0})}, "'threads': expected 1 to 4096, got 0"),
        ({"state": json.dumps({**STATE, "step": 2})}, "'curve': expected a 'step' in every point, increasing, at most"),
        ({"state": json.dumps({**STATE, "step": -3, "curve": []})}, "'curve': expected a 'step' in every point"),
        ({"state": json.dumps({**STATE, "evaluations": [{"J": 1}]})}, "'evaluations': expected a 'step' in every"),
        ({"state": json.dumps({**STATE, "evaluations": [{"step": 1.5}]})}, "'evaluations': expected a 'step' in"),
    ],
)
def test_a_checkpoint_with_an_invalid_state_is_one_error(tmp_path, metadata, message):
    files = checkpoints.CheckpointFiles(tmp_path, "toy")
    files.last.parent.mkdir()
    save_file({"x": torch.zeros(1)}, files.last, metadata)
    with pytest.raises(DataError) as caught:
        files.load(files.last)
    assert message in caught.value.message
    assert caught.value.location.startswith(str(files.last))
    assert caught.value.hint.startswith(
        "Did you mean 'step'?" if "unknown" in message else "Remove the file to start the stage again, or restore it."
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("optimizer.0.weight/exp_avg", torch.zeros(1), "1 tensors differ, for instance '0.weight/exp_avg'"),
        ("optimizer.0.weight/exp_avg", None, "1 tensors differ, for instance '0.weight/exp_avg'"),
        ("optimizer.0.weight/exp_avg", torch.zeros(8, 4, dtype=torch.int64), "instance '0.weight/exp_avg'"),
        ("optimizer.9.weight/step", torch.tensor(3.0), "1 tensors differ, for instance '9.weight/step'"),
        ("optimizer.0.bias/step", torch.tensor(-1e38), "the optimizer's state is invalid: -1e+38 steps of '0.bias'"),
        ("optimizer.0.bias/step", torch.tensor(5.0), "invalid: 5 steps of '0.bias' in a training of 4"),
        ("optimizer.0.bias/step", torch.tensor(math.nan), "invalid: nan steps of '0.bias' in a training of 4"),
        ("ema.0.bias", torch.zeros(9), "1 tensors differ, for instance '0.bias'"),
        ("ema.0.bias", None, "1 tensors differ, for instance '0.bias'"),
        ("sums.loss", torch.zeros(2), "1 tensors differ, for instance 'loss'"),
        ("model.0.bias", torch.zeros(8, dtype=torch.int64), "1 tensors differ, for instance '0.bias'"),
    ],
)
def test_a_checkpoint_with_other_tensors_is_one_error(tmp_path, name, value, message):
    toy_trainer(tmp_path).fit(toy_stage(toy_module(), ema_decay=0.9, steps=4))
    path = tmp_path / LAST
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    tensors = {key: tensor for key, tensor in load_file(path).items() if key != name}
    save_file(tensors if value is None else {**tensors, name: value}, path, metadata)
    with pytest.raises(DataError) as caught:
        toy_trainer(tmp_path).fit(toy_stage(toy_module(), ema_decay=0.9))
    assert message in caught.value.message
    assert caught.value.location == str(path)


def test_a_metric_that_is_not_finite_is_stored_as_null_and_never_the_best(tmp_path):
    values = iter([math.nan, 0.9, math.inf])
    stage = toy_stage(toy_module(), evaluate=lambda: {"J": next(values)}, evaluate_every=5, best_metric="J")
    toy_trainer(tmp_path).fit(stage)
    points = [{"step": 5, "J": None}, {"step": 10, "J": 0.9}, {"step": 12, "J": None}]
    assert curve(tmp_path)["evaluations"] == points
    _, state = checkpoints.CheckpointFiles(tmp_path, "toy").load(tmp_path / LAST)
    assert (state.evaluations, state.best, state.best_step) == (points, 0.9, 10)


def test_a_batch_that_cannot_be_divided_is_refused(tmp_path):
    with pytest.raises(UsageError, match="a batch of 4 samples cannot be divided among 1 processes with 3 micro-ba"):
        toy_trainer(tmp_path).fit(toy_stage(toy_module(), accumulation=3))


def test_groups_have_every_trained_parameter_once(tmp_path):
    module = toy_module()
    stage = toy_stage(module)
    (group,) = stage.groups
    missing = [parameter for parameter in group.parameters if parameter is not module[0].bias]
    with pytest.raises(ValueError, match=r"0\.bias is trained in no group"):
        toy_trainer(tmp_path).fit(replace(stage, groups=[replace(group, parameters=missing)]))
    with pytest.raises(ValueError, match="a parameter is in two groups"):
        toy_trainer(tmp_path).fit(replace(stage, groups=[group, group]))
