"""The loss vectors of LMPM and DsHmp: their outputs, targets, points and assignments in this project's types."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from baselines.layers.training.set_criterion import SetOutputs, matching_cost
from baselines.layers.training.trajectory_criterion import (
    TrajectoryConfig,
    TrajectoryIndices,
    clip_masks,
    frame_masks,
)
from baselines.layers.training.trajectory_outputs import TrajectoryOutputs
from baselines.layers.training.trajectory_targets import TrajectoryTargets
from tests.baselines.loss_vectors import RecordedPoints, float_tensor, spread_points
from tests.baselines.parity import load_vectors, named_values
from tests.paths import PARITY

ConfigT = TypeVar("ConfigT", bound=TrajectoryConfig)


def read_leaves(vectors: Mapping[str, NDArray]) -> dict[str, Tensor]:
    """All outputs of a file by name without ``out/``, as leaves that collect gradients."""
    names = [name for name in vectors if name.startswith("out/")]
    return {name.removeprefix("out/"): float_tensor(vectors[name]).requires_grad_() for name in names}


def set_names(leaves: Mapping[str, Tensor], part: str) -> list[str]:
    """Names of ``frame`` or ``clip`` predictions, earliest layer first, the last layer last."""
    count = len([name for name in leaves if name.startswith(f"{part}/aux_outputs/") and name.endswith("pred_logits")])
    return [*(f"{part}/aux_outputs/{number}/" for number in range(count)), f"{part}/"]


def read_sets(leaves: Mapping[str, Tensor]) -> tuple[list[SetOutputs], list[SetOutputs]]:
    """Predictions of frame decoder and clip decoder."""
    frame = [
        SetOutputs(leaves[f"{name}pred_logits"], leaves[f"{name}pred_masks"][:, :, None])
        for name in set_names(leaves, "frame")
    ]
    clip = [
        SetOutputs(leaves[f"{name}pred_logits"].flatten(0, 1), leaves[f"{name}pred_masks"].flatten(0, 1))
        for name in set_names(leaves, "clip")
    ]
    return frame, clip


def read_targets(vectors: Mapping[str, NDArray]) -> TrajectoryTargets:
    """A file's targets; its ids, per frame or per object, must agree with its masks."""
    masks, ids = float_tensor(vectors["tgt/masks"]), torch.from_numpy(vectors["tgt/ids"])
    targets = TrajectoryTargets.from_objects(masks, ids if ids.dim() == 1 else ids.amax(1))
    if ids.dim() == 2:
        assert torch.equal(targets.ids, ids[(ids >= 0).any(1)])
    return targets


def layer_keys(vectors: Mapping[str, NDArray]) -> list[str]:
    """``frame/aux_0`` .. ``frame/last``, ``clip/aux_0`` .. ``clip/last``: the order in which we compute."""
    keys = {"/".join(name.split("/")[1:3]) for name in vectors if name.startswith("index/")}
    return sorted(keys, key=lambda key: (key.startswith("clip"), key.endswith("last"), key))


def _group_keys(vectors: Mapping[str, NDArray], prefix: str) -> list[str]:
    return sorted((name for name in vectors if name.startswith(prefix)), key=lambda name: int(name.split("/")[-1]))


def match_points(vectors: Mapping[str, NDArray]) -> list[NDArray]:
    """Points of all matchings."""
    return [vectors[n] for key in layer_keys(vectors) for n in _group_keys(vectors, f"rand/{key}/match/")]


def loss_points(vectors: Mapping[str, NDArray]) -> list[NDArray]:
    """Points of all losses."""
    return [vectors[n] for key in layer_keys(vectors) for n in _group_keys(vectors, f"rand/{key}/points/")]


def recorded(vectors: Mapping[str, NDArray]) -> RecordedPoints:
    """Points of ``compute_losses``: those of the matchings, then those of the losses."""
    return RecordedPoints([*match_points(vectors), *loss_points(vectors)])


def check_indices(indices: TrajectoryIndices, vectors: Mapping[str, NDArray]) -> None:
    """Compare assignments with a file's, exactly."""
    for key, pairs in zip(layer_keys(vectors), [*indices.frame, *indices.clip], strict=True):
        names = _group_keys(vectors, f"index/{key}/")
        for name, (queries, objects) in zip(names, pairs, strict=True):
            assert np.array_equal(torch.stack((queries, objects)).numpy(), vectors[name]), name


def check_step_indices(
    outputs: TrajectoryOutputs,
    targets: Sequence[TrajectoryTargets],
    vectors: Mapping[str, NDArray],
    config: TrajectoryConfig,
) -> None:
    """Compare a step's assignments with a file's by their cost, as far as rounding decides between assignments.

    With weights by name, some trajectory queries predict the same to six digits: a stored assignment may cost 1e-4 more
    than the best. One attention cell that flips (see ``check_outputs``) moves one frame in the layers after it: two
    stored assignments may cost 1e-2 more.
    """
    points = spread_points(1, config.train_num_points, torch.device("cpu"))
    masks = {"frame": frame_masks(targets), "clip": clip_masks(targets, len(outputs.clip_embeddings))}
    excess = {}
    for key, layer in zip(layer_keys(vectors), [*outputs.frame, *outputs.clip], strict=True):
        names = _group_keys(vectors, f"index/{key}/")
        for name, logits, predicted, ground_truth in zip(
            names, layer.logits, layer.masks, masks[key.split("/")[0]], strict=True
        ):
            cost = matching_cost(logits, predicted, ground_truth, points, config).detach().numpy()
            assert vectors[name].shape == (2, ground_truth.shape[0])
            excess[name] = cost[tuple(vectors[name])].sum() - cost[linear_sum_assignment(cost)].sum()
    assert max(excess.values()) <= 1e-2, excess
    assert sum(value > 1e-4 for value in excess.values()) <= 2, excess


def input_file(step: Path) -> Path:
    """The forward vector of the clip a step was run on: the method's file of the same frame size and number."""
    method = step.stem.split("_")[1]
    size = "x".join(str(side) for side in load_vectors(step)["tgt/masks"].shape[1:])
    path = PARITY / f"parity_{method}_{size}.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {PARITY} (MEVIS_BENCH_PARITY)")
    return path


def step_config(kind: type[ConfigT], **changes: float) -> ConfigT:
    """The configuration of a step vector: class weights, being buffers, were filled by name like all weights.

    The cross-entropy is a weighted mean, so that only the ratio of the two class weights counts.
    """
    frame, clip = (named_values(f"{name}.empty_weight", torch.zeros(2)) for name in ("criterion", "vita_criterion"))
    ratios = {"no_object_weight": (frame[1] / frame[0]).item(), "vita_no_object_weight": (clip[1] / clip[0]).item()}
    return kind(**ratios, **changes)


def check_weighted(losses: Mapping[str, Tensor], weights: Mapping[str, float], vectors: Mapping[str, NDArray]) -> None:
    """Compare each loss of a step, times its weight, with ``weighted/<name>``.

    One attention cell of the frame decoder that flips (see ``check_outputs``) moves the losses of the layer after it
    and, less, of later ones: four losses may be off by up to 1e-2.
    """
    assert {f"weighted/{name}" for name in losses} == {name for name in vectors if name.startswith("weighted/")}
    off = {}
    for name, value in losses.items():
        expected = float(vectors[f"weighted/{name}"])
        ours = value.item() * weights[name.rstrip("0123456789").rstrip("_")]
        off[name] = abs(ours - expected) / expected
    assert max(off.values()) <= 1e-2, off
    assert sum(value > 1e-3 for value in off.values()) <= 4, off
