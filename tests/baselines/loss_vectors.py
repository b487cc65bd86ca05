"""Reference vectors of the original criteria: outputs and targets given; assignments, losses and gradients expected."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.paths import PARITY


def loss_files(method: str, *, step: bool) -> list:
    """Every ``loss_<method>_*.npz`` as test parameters; without any, one skipped parameter.

    Args:
        method: Name of the method in the file names.
        step: Files of a whole training step (``loss_<method>_step*.npz``), or all the others.
    """
    files = sorted(PARITY.glob(f"loss_{method}_*.npz"))
    files = [path for path in files if path.stem.startswith(f"loss_{method}_step") == step]
    if not files:
        reason = f"no loss_{method}_*.npz in {PARITY} (MEVIS_BENCH_PARITY)"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")]
    return [pytest.param(path, id=path.stem) for path in files]


def float_tensor(array: NDArray) -> Tensor:
    """Convert an array that the file holds in fewer bits to float32."""
    return torch.from_numpy(array.astype(np.float32))


def json_of(array: NDArray) -> dict:
    """Decode JSON that a file holds as bytes."""
    return json.loads(bytes(array))


def check_losses(losses: Mapping[str, Tensor], vectors: Mapping[str, NDArray], *, rtol: float = 1e-4) -> None:
    """Compare each loss before weighting with ``loss/<name>``; none may be missing or added."""
    assert set(losses) == {name.removeprefix("loss/") for name in vectors if name.startswith("loss/")}
    for name, value in losses.items():
        expected = float(vectors[f"loss/{name}"])
        assert abs(value.item() - expected) <= rtol * abs(expected), f"{name}: {value.item()} instead of {expected}"


def check_gradients(leaves: Mapping[str, Tensor], vectors: Mapping[str, NDArray], *, rtol: float = 1e-4) -> None:
    """Compare gradients with ``grad/<name>``, relative to the largest number of each; all of a file must be given."""
    assert set(leaves) == {name.removeprefix("grad/") for name in vectors if name.startswith("grad/")}
    for name, leaf in leaves.items():
        expected = vectors[f"grad/{name}"]
        if expected.ndim == 0:
            assert leaf.grad is None, f"{name}: a gradient where the original has none"
            continue
        assert leaf.grad is not None, f"{name}: no gradient"
        worst = np.abs(leaf.grad.numpy() - expected).max()
        assert worst <= rtol * np.abs(expected).max(), f"{name}: off by up to {worst:.3g}"


def check_gradient_norms(module: nn.Module, vectors: Mapping[str, NDArray], *, rtol: float = 1e-2) -> None:
    """Compare the L2 norm of every parameter's gradient with ``grad_norms``; the same parameters must have one.

    Gradients that cancel exactly but for rounding (biases before an instance norm) only have to be as small: 1e-7 of
    the norm of the whole gradient.
    """
    expected, total = json_of(vectors["grad_norms"]), float(vectors["grad_norm_total"])
    norms = {name: p.grad.norm().item() for name, p in module.named_parameters() if p.grad is not None}
    assert set(norms) == set(expected)
    for name, norm in norms.items():
        assert abs(norm - expected[name]) <= rtol * expected[name] + 1e-7 * total, (
            f"{name}: {norm} instead of {expected[name]}"
        )
    assert sum(norm**2 for norm in norms.values()) ** 0.5 == pytest.approx(total, rel=rtol)


class RecordedPoints:
    """Fake point sampler: returns a file's points in the order in which they were drawn."""

    def __init__(self, draws: Sequence[NDArray]) -> None:
        self.draws = [float_tensor(array) for array in draws]

    def __call__(self, rows: int, points: int, device: torch.device) -> Tensor:
        drawn = self.draws.pop(0)
        assert drawn.shape == (rows, points, 2)
        return drawn.to(device)


def spread_points(rows: int, points: int, device: torch.device) -> Tensor:
    """Fake point sampler: the rule of the step vectors, the same points at every call."""
    number, row = torch.arange(points, dtype=torch.float64) + 1, torch.arange(rows, dtype=torch.float64)
    steps = torch.tensor([0.7548776662466927, 0.5698402909980532], dtype=torch.float64)
    return (0.5 + number[:, None] * steps + 0.123 * row[:, None, None]).frac().float().to(device)
