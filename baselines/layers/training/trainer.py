"""Training loop of one stage: AdamW, warm-up and cosine schedule, checkpoints, and bit-exact resumption.

All random choices of a step follow from (seed, stage, step), so a stage that was killed at any moment continues from
its last checkpoint with the loss curve of an uninterrupted run.
"""

import json
import math
import os
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from baselines.layers.training.distributed import SINGLE_PROCESS, DistributedContext

LossFn = Callable[[np.random.Generator], Mapping[str, Tensor]]
"""Losses of one step by name; ``loss`` is minimized, the others are only reported."""

Progress = Callable[[str, int, int, Mapping[str, float]], None]

Curve = list[dict[str, float]]
"""Points of a loss curve: ``step`` and the mean of each loss."""


@dataclass(frozen=True, slots=True)
class TrainingStage:
    """Hyperparameters of one stage.

    Attributes:
        name: Name of the stage and its files.
        steps: Optimizer steps in total.
        learning_rate: Peak of the schedule: linear warm-up, then a cosine down to 0.
        weight_decay: AdamW's, on matrices only.
        warm_up: Steps of the warm-up.
        clip: Upper bound of the gradient's norm.
        log_every: Steps per point of the loss curve, which is their mean.
        save_every: Steps between two checkpoints.
    """

    name: str
    steps: int
    learning_rate: float
    weight_decay: float = 0.05
    warm_up: int = 100
    clip: float = 1.0
    log_every: int = 50
    save_every: int = 200

    def rate(self, step: int) -> float:
        """Learning rate of step 0..steps-1."""
        if step < self.warm_up:
            return self.learning_rate * (step + 1) / self.warm_up
        done = (step - self.warm_up) / max(1, self.steps - self.warm_up)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def fit(
    stage: TrainingStage,
    module: nn.Module,
    loss_fn: LossFn,
    out: Path,
    seed: int,
    progress: Progress,
    context: DistributedContext = SINGLE_PROCESS,
) -> None:
    """Train the parameters of ``module`` that require a gradient, resuming from an earlier call's checkpoint.

    Afterwards ``module`` has the trained weights, ``<out>/<name>.safetensors`` the last checkpoint without frozen
    parameters, and ``<out>/<name>.json`` the loss curve. A finished stage is only loaded.

    Args:
        stage: Hyperparameters.
        module: Module to train, in place.
        loss_fn: Computes the losses of a step; in distributed training, of this process's part of it.
        out: Folder of checkpoint and curve.
        seed: Seed of all random choices.
        progress: Called per point of the loss curve with stage, step, steps and losses.
        context: Processes that train together; gradients and reported losses are averaged over them.
    """
    trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
    decayed = [p for p in trained.values() if p.dim() > 1]
    plain = [p for p in trained.values() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": stage.weight_decay}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=stage.learning_rate, betas=(0.9, 0.98))
    path = out / f"{stage.name}.safetensors"
    curve = _resume(path, module, optimizer, trained)
    step = int(curve[-1]["step"]) if curve else 0
    module.train()
    sums: dict[str, Tensor] = {}
    logged = step
    while step < stage.steps:
        key = (seed, zlib.crc32(stage.name.encode()), step)
        rng = np.random.default_rng(key)
        torch.manual_seed(int(rng.integers(2**62)))
        for group in optimizer.param_groups:
            group["lr"] = stage.rate(step)
        losses = loss_fn(rng)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        context.average_gradients(list(trained.values()))
        nn.utils.clip_grad_norm_(trained.values(), stage.clip)
        optimizer.step()
        step += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, torch.zeros((), device=value.device)) + context.mean(value)
        if step % stage.log_every == 0 or step == stage.steps:
            point = {name: float(value) / (step - logged) for name, value in sums.items()}
            curve.append({"step": step, **point})
            if context.is_main_process:
                progress(stage.name, step, stage.steps, point)
            sums, logged = {}, step
            if context.is_main_process and (step % stage.save_every == 0 or step == stage.steps):
                _save(path, module, optimizer, trained, curve)
    module.eval()


def _save(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, trained: Mapping[str, nn.Parameter], curve: Curve
) -> None:
    """Write weights, optimizer state and curve to one file, atomically."""
    frozen = {name for name, _ in module.named_parameters()} - trained.keys()
    state = {name: value for name, value in module.state_dict().items() if name not in frozen}
    tensors = {f"model.{name}": value.detach().contiguous() for name, value in state.items()}
    for name, parameter in trained.items():
        for key, value in optimizer.state[parameter].items():
            tensors[f"optimizer.{name}.{key}"] = value.contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    save_file(tensors, draft, metadata={"curve": json.dumps(curve), "written": str(int(time.time()))})
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(path)
    path.with_suffix(".json").write_text(json.dumps(curve, indent=1) + "\n")


def _resume(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, trained: Mapping[str, nn.Parameter]
) -> Curve:
    """Load the last checkpoint into module and optimizer; return its loss curve, empty without a checkpoint."""
    if not path.is_file():
        return []
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a handle, not a dict)
        curve: Curve = json.loads(file.metadata()["curve"])
    weights = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    frozen = {n: p for n, p in module.named_parameters() if n not in trained}
    module.load_state_dict({**frozen, **weights})
    for name, parameter in trained.items():
        prefix = f"optimizer.{name}."
        optimizer.state[parameter] = {
            n.removeprefix(prefix): t.to(parameter.device) if t.dim() else t
            for n, t in tensors.items()
            if n.startswith(prefix) and "." not in n.removeprefix(prefix)
        }
    return curve
