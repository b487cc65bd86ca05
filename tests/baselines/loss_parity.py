"""Reference vectors of the originals' training losses: outputs, targets, losses and gradients by name."""

import json
from collections.abc import Callable, Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.paths import PARITY

RTOL = 1e-4
"""Of losses, and of gradients relative to the largest of their array."""

ROUNDING = 1e-5
"""Gradient norms below are rounding: softmax cancels the biases of attention keys."""


def loss_files(method: str, *, step: bool = False) -> list:
    """Every ``loss_<method>_*.npz`` as test parameters; without any, one skipped parameter.

    Args:
        method: The method.
        step: Whole training steps of the original model (``..._step*.npz``) instead of its criterion alone.
    """
    files = sorted(p for p in PARITY.glob(f"loss_{method}_*.npz") if p.stem.split("_")[2].startswith("step") == step)
    if not files:
        reason = f"no loss_{method}_{'step' if step else '*'}.npz in {PARITY} (MEVIS_BENCH_PARITY)"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")]
    return [pytest.param(path, id=path.stem.removeprefix("loss_")) for path in files]


def leaves(arrays: Mapping[str, NDArray]) -> dict[str, Tensor]:
    """Outputs by name without ``out/``, float32, each a leaf that collects a gradient."""
    names = [name for name in arrays if name.startswith("out/")]
    return {n.removeprefix("out/"): torch.from_numpy(arrays[n].astype(np.float32)).requires_grad_() for n in names}


def target_fields(arrays: Mapping[str, NDArray]) -> list[dict[str, Tensor]]:
    """Fields of every clip's targets."""
    clips = {int(name.split("/")[1]) for name in arrays if name.startswith("tgt/")}
    return [
        {n.split("/")[2]: torch.from_numpy(np.asarray(arrays[n])) for n in arrays if n.startswith(f"tgt/{clip}/")}
        for clip in sorted(clips)
    ]


def layer_prefixes(arrays: Mapping[str, NDArray]) -> list[str]:
    """Prefixes of the auxiliary layers' outputs, first layer first."""
    layers = {int(name.split("/")[2]) for name in arrays if name.startswith("out/aux_outputs/")}
    return [f"aux_outputs/{layer}/" for layer in sorted(layers)]


def check_losses(
    losses: Mapping[str, Tensor],
    total: Tensor,
    weights: Mapping[str, float],
    arrays: Mapping[str, NDArray],
    rtol: float = RTOL,
) -> None:
    """Assert that losses have the stored names and values, and weights and total theirs."""
    stored = {name.removeprefix("loss/"): float(arrays[name]) for name in arrays if name.startswith("loss/")}
    assert {name: value.item() for name, value in losses.items()} == pytest.approx(stored, rel=rtol, abs=1e-6)
    for name in arrays:
        if name.startswith("weight/"):
            plain = name.removeprefix("weight/").rstrip("0123456789").rstrip("_")
            assert weights[plain] == float(arrays[name]), name
    assert total.item() == pytest.approx(float(arrays["total"]), rel=rtol)


def check_gradients(inputs: Mapping[str, Tensor], total: Tensor, arrays: Mapping[str, NDArray]) -> None:
    """Assert that the total's gradient by every output is the stored one."""
    total.backward()
    assert {n.removeprefix("grad/") for n in arrays if n.startswith("grad/")} == set(inputs)
    for name, value in inputs.items():
        stored = arrays[f"grad/{name}"]
        if stored.ndim == 0:
            assert value.grad is None, f"{name}: a gradient that the original does not have"
            continue
        assert value.grad is not None, f"{name}: no gradient"
        worst = np.abs(value.grad.numpy() - stored).max()
        assert worst <= RTOL * np.abs(stored).max(), f"{name}: gradient off by up to {worst:.3g}"


def check_gradient_norms(model: nn.Module, authors_key: Callable[[str], str], arrays: Mapping[str, NDArray]) -> None:
    """Assert that after ``backward`` exactly the stored parameters have a gradient, each of the stored norm."""
    stored = json.loads(bytes(arrays["grad_norms"]))
    ours = {
        authors_key(name): parameter.grad.norm().item()
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    assert set(ours) == set(stored)
    off = {
        name: (value, stored[name])
        for name, value in ours.items()
        if value != pytest.approx(stored[name], rel=1e-2, abs=ROUNDING)
    }
    assert not off, f"{len(off)} gradient norms differ: {dict(list(off.items())[:5])}"
    total = float(np.linalg.norm(list(ours.values())))
    assert total == pytest.approx(float(arrays["grad_norm_total"]), rel=1e-2)
