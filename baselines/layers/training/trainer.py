"""One training stage: AdamW, a cosine schedule, checkpoints, and a resume that gives the undisturbed curve.

Every random choice of a step follows from (seed, stage, step) alone, so a stage that was killed at any moment goes on
from its last checkpoint as if nothing had happened.
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

Compute = Callable[[np.random.Generator], Mapping[str, Tensor]]
"""One step's losses by name; the one called ``loss`` is minimized, the others are only reported."""

Progress = Callable[[str, int, int, Mapping[str, float]], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """How one stage is trained.

    Attributes:
        name: Also the name of its files.
        steps: Optimizer steps in all.
        learning_rate: Peak of the schedule: linear warm-up, then a cosine down to 0.
        weight_decay: Of AdamW, on matrices only.
        warm_up: Steps of the warm-up.
        clip: Largest norm of the gradient.
        log_every: Steps between two points of the loss curve; each is a mean over that many steps.
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
    stage: Stage,
    module: nn.Module,
    compute: Compute,
    out: Path,
    seed: int,
    progress: Progress,
    workers: DistributedContext = SINGLE_PROCESS,
) -> None:
    """Train the parameters of ``module`` that require a gradient, or go on where an earlier call stopped.

    Afterwards ``module`` holds the trained weights, ``<out>/<name>.safetensors`` the last checkpoint, frozen parameters
    left out, and ``<out>/<name>.json`` the loss curve. A stage that is complete is only read. Where there are several
    ``workers``, each computes the losses of its part of a step, and their means count.
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
        losses = compute(rng)
        optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        workers.average_gradients(list(trained.values()))
        nn.utils.clip_grad_norm_(trained.values(), stage.clip)
        optimizer.step()
        step += 1
        for name, value in losses.items():
            sums[name] = sums.get(name, torch.zeros((), device=value.device)) + workers.mean(value)
        if step % stage.log_every == 0 or step == stage.steps:
            point = {name: float(value) / (step - logged) for name, value in sums.items()}
            curve.append({"step": step, **point})
            if workers.rank == 0:
                progress(stage.name, step, stage.steps, point)
            sums, logged = {}, step
            if workers.rank == 0 and (step % stage.save_every == 0 or step == stage.steps):
                _save(path, module, optimizer, trained, curve)
    module.eval()


def _save(
    path: Path, module: nn.Module, optimizer: torch.optim.Optimizer, trained: Mapping[str, Tensor], curve: list[dict]
) -> None:
    """Write weights, optimizer state and curve in one file, whole or not at all."""
    frozen = {name for name, _ in module.named_parameters()} - trained.keys()
    kept = {name: value for name, value in module.state_dict().items() if name not in frozen}
    tensors = {f"model.{name}": value.detach().contiguous() for name, value in kept.items()}
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
) -> list[dict]:
    """Load the last checkpoint into module and optimizer; return its loss curve, empty where there is none."""
    if not path.is_file():
        return []
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a handle, not a dict)
        curve = json.loads(file.metadata()["curve"])
    found = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
    frozen = {n: p for n, p in module.named_parameters() if n not in trained}
    module.load_state_dict({**frozen, **found})
    for name, parameter in trained.items():
        prefix = f"optimizer.{name}."
        optimizer.state[parameter] = {
            n.removeprefix(prefix): t.to(parameter.device) if t.dim() else t
            for n, t in tensors.items()
            if n.startswith(prefix) and "." not in n.removeprefix(prefix)
        }
    return curve
