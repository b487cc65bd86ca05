"""A stage of a few numbers, and a training of it that another process can start: ``SCRIPT OUT``.

Losses are normalized by a count, averaged over the processes, that differs between samples.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from baselines.layers.training.distributed import average_count
from mevis_bench.records.schedules import WarmupCosineSchedule
from mevis_bench.records.training import ParameterGroup, TrainingStage
from mevis_bench.training.loop import LoopTrainer
from mevis_bench.training.processes import Processes
from tests.fixtures.training_arguments import ignore


def toy_module(dropout=0.5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(dropout), nn.Linear(8, 1), nn.BatchNorm1d(1))


def toy_stage(module, **changes):
    """Samples ``(n, 4)`` with n in 1..4; the loss is a mean over the rows of the whole batch."""

    def sample(rng, position):
        return torch.from_numpy(rng.normal(size=(1 + int(rng.integers(4)), 4))).float()

    def loss_fn(samples):
        rows = torch.cat(samples)
        errors = (module[:3](rows) - rows.sum(1, keepdim=True)).square().sum()
        module[3](rows.sum(1, keepdim=True))  # running statistics are buffers that change
        return {"loss": errors / average_count(torch.tensor(len(rows))), "rows": torch.tensor(float(len(rows)))}

    trained = [p for p in module[:3].parameters() if p.requires_grad]
    module[3].requires_grad_(False)
    stage = TrainingStage(
        name="toy",
        module=module,
        groups=[ParameterGroup("all", trained, 0.01, 0.05)],
        sample=sample,
        loss_fn=loss_fn,
        steps=12,
        batch_size=4,
        schedule=WarmupCosineSchedule(3),
        max_gradient_norm=1.0,
        log_every=3,
        save_every=2,
    )
    return replace(stage, **changes)


def toy_trainer(out, progress=ignore, seed=3, workers=0):
    return LoopTrainer(out, Processes("cpu"), seed, progress, workers)


def main() -> None:
    """``SCRIPT OUT [STEP WHEN]``: SIGKILL in a step, in its ``loss`` or while its checkpoint is written (``save``)."""
    out = Path(sys.argv[1])
    module = toy_module()
    stage = toy_stage(
        module, ema_decay=0.9, evaluate=lambda: {"bias": float(module[0].bias[0].detach())}, evaluate_every=4
    )
    if len(sys.argv) > 2:
        step, when = int(sys.argv[2]), sys.argv[3]
        stage = killed_in_loss(stage, step) if when == "loss" else stage
        if when == "save":
            kill_while_saving(step)
    toy_trainer(out, workers=0).fit(stage)


def killed_in_loss(stage, step):
    steps = []

    def loss_fn(samples):
        steps.append(0)
        if len(steps) > step:
            os.kill(os.getpid(), signal.SIGKILL)
        return stage.loss_fn(samples)

    return replace(stage, loss_fn=loss_fn)


def kill_while_saving(step):
    from mevis_bench.training import checkpoints

    save_file, saved = checkpoints.save_file, []

    def killed(tensors, path, metadata):
        saved.append(0)
        if len(saved) == step:
            Path(path).write_bytes(b"half a file")
            os.kill(os.getpid(), signal.SIGKILL)
        save_file(tensors, path, metadata)

    checkpoints.save_file = killed


def run_together(out: Path) -> None:
    """Two processes, no dropout: random numbers of one batch of four are not those of two batches of two."""
    toy_trainer(out).fit(toy_stage(toy_module(dropout=0.0)))


if __name__ == "__main__":
    if "RANK" in os.environ:
        run_together(Path(sys.argv[1]))
    else:
        main()
