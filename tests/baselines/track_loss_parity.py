"""Parity of a tracker's losses and training pass with the vectors of the original: ``loss_<method>_*.npz``."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from baselines.layers.nn.deformable_transformer import EncodedLevels
from baselines.layers.nn.referring_detector import ReferringDetector
from baselines.layers.nn.track_queries import Detections
from baselines.layers.training.track_losses import (
    FrameMatch,
    FrameOutputs,
    FrameTargets,
    TrackLossConfig,
    TrackState,
    compute_losses,
    loss_weights,
    match,
    total_loss,
)
from baselines.layers.training.track_training import ClipOutputs, encode_clip, freeze_backbone
from tests.baselines.loss_parity import check_gradient_norms, check_gradients
from tests.baselines.parity import fill_by_name, load_vectors
from tests.baselines.track_parity import override
from tests.paths import PARITY

Vectors = dict[str, NDArray]


def read_targets(vectors: Vectors) -> tuple[FrameTargets, ...]:
    count = sum(name.endswith("/obj_ids") for name in vectors)
    return tuple(
        FrameTargets(
            torch.from_numpy(vectors[f"tgt/{frame}/boxes"]).reshape(-1, 4).float(),
            torch.from_numpy(vectors[f"tgt/{frame}/obj_ids"]),
            torch.from_numpy(vectors[f"tgt/{frame}/is_ref"]) > 0,
        )
        for frame in range(count)
    )


class StoredClip:
    """Given outputs of a clip as leaves that gather gradients, and the vectors they are compared with."""

    def __init__(self, path: Path) -> None:
        self.vectors = load_vectors(path)
        self.meta = json.loads(bytes(self.vectors["meta"]))
        self.targets = read_targets(self.vectors)
        self.leaves: dict[str, Tensor] = {}
        self.outputs = tuple(self._read_frame(frame) for frame in range(len(self.targets)))

    def _read_frame(self, frame: int) -> FrameOutputs:
        refined = f"{frame}/refined/"
        auxiliary = {name.split("/")[3] for name in self.vectors if name.startswith(f"out/{frame}/aux_outputs/")}
        layers = [f"{frame}/aux_outputs/{layer}/" for layer in range(len(auxiliary))]
        return FrameOutputs(
            tuple(self._read_layer(layer) for layer in [*layers, f"{frame}/"]),
            self._read_layer(refined) if f"out/{refined}pred_boxes" in self.vectors else None,
        )

    def _read_layer(self, prefix: str) -> Detections:
        for name in ("pred_logits", "pred_refers", "pred_boxes"):
            leaf = torch.from_numpy(self.vectors[f"out/{prefix}{name}"].astype(np.float32))
            self.leaves[prefix + name] = leaf.requires_grad_()
        logits, refers, boxes = (self.leaves[prefix + name][0] for name in ("pred_logits", "pred_refers", "pred_boxes"))
        return Detections(logits[:, 0], refers[:, 0], boxes, torch.empty(len(logits), 0))

    def check_criterion(
        self,
        config: TrackLossConfig,
        fresh_iou: float,
        carry: Callable[[FrameOutputs, FrameMatch], tuple[Tensor, TrackState]],
    ) -> None:
        """Match every frame, carry rows on, and compare states, losses, total and all gradients."""
        state, matches = TrackState.empty(), []
        for index, (output, targets) in enumerate(zip(self.outputs, self.targets, strict=True)):
            state = state.after(self.meta["fresh_queries"], fresh_iou)
            frame = match(output, targets, state, config)
            check_state(self.vectors, index, state, frame)
            assert frame.num_samples == self.vectors[f"state/{index}/samples"]
            rows, state = carry(output, frame)
            same(self.vectors, f"state/{index}/carried_rows", rows)
            if f"state/{index}/carried_obj_idxes" in self.vectors:
                same(self.vectors, f"state/{index}/carried_obj_idxes", state.ids)
            matches.append(frame)
        losses = compute_losses(self.outputs, self.targets, matches)
        check_weights(self.vectors, losses, config)
        assert sum(frame.num_samples for frame in matches) == self.meta["num_samples"]
        total = check_losses(self.vectors, losses, config, rtol=1e-4)
        check_gradients(self.leaves, total, self.vectors)


def check_state(vectors: Vectors, index: int, before: TrackState, frame: FrameMatch) -> None:
    """Compare identities and objects exactly, IoUs to rounding."""
    prefix = f"state/{index}"
    same(vectors, f"{prefix}/obj_idxes_in", before.ids)
    same(vectors, f"{prefix}/obj_idxes_out", frame.state.ids)
    same(vectors, f"{prefix}/matched_gt_idxes", frame.objects[-1])
    near(f"{prefix}/iou", frame.state.ious, vectors[f"{prefix}/iou"], rtol=1e-4)


def check_losses(vectors: Vectors, losses: dict[str, Tensor], config: TrackLossConfig, *, rtol: float) -> Tensor:
    """Compare every loss and the total; return the total."""
    assert {f"loss/{name}" for name in losses} == {name for name in vectors if name.startswith("loss/")}
    for name, loss in losses.items():
        near(name, loss, vectors[f"loss/{name}"], rtol=rtol)
    total = total_loss(losses, config)
    near("total", total, vectors["total"], rtol=rtol)
    return total


def check_weights(vectors: Vectors, losses: dict[str, Tensor], config: TrackLossConfig) -> None:
    weights = {f"weight/{name}": loss_weights(config)[name.rpartition("_")[2]] for name in losses}
    assert weights == {name: float(value) for name, value in vectors.items() if name.startswith("weight/")}


def same(vectors: Vectors, name: str, ours: Tensor) -> None:
    np.testing.assert_array_equal(ours.numpy(), vectors[name], err_msg=name)


def near(name: str, ours: Tensor, theirs: NDArray, *, rtol: float) -> None:
    """Assert that an array differs by at most ``rtol`` of its largest value; an array of zeros must be zero."""
    got = ours.detach().numpy()
    assert got.shape == theirs.shape, f"{name}: {got.shape} instead of {theirs.shape}"
    worst, largest = np.abs(got - theirs).max(initial=0.0), np.abs(theirs).max(initial=0.0)
    assert worst <= rtol * largest, f"{name}: off by {worst:.3g} of {largest:.3g}"


def stored_clip(parity_name: str) -> Vectors:
    """Clip and sentence that the whole-step vectors were made with; skips where they are absent."""
    path = PARITY / f"parity_{parity_name}_3x128x224.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {PARITY} (MEVIS_BENCH_PARITY)")
    return load_vectors(path)


def unreached(model: nn.Module) -> set[str]:
    """Names of the trained parameters that no gradient reached."""
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.grad is None}


def check_step(
    vectors: Vectors,
    model: ReferringDetector,
    clip: Vectors,
    config: TrackLossConfig,
    forward: Callable[[Sequence[EncodedLevels], Sequence[FrameTargets]], ClipOutputs],
) -> None:
    """Compare states, losses, total and gradient norms of a whole step; the model keeps its gradients."""
    fill_by_name(model)
    override(model, json.loads(bytes(clip["in_meta"]))["overrides"])
    freeze_backbone(model)
    targets = read_targets(vectors)
    images, sentence = torch.from_numpy(clip["in_frames"]), torch.from_numpy(clip["in_input_ids"])
    (encoded,) = encode_clip(model, images, [sentence])
    result = forward(encoded, targets)
    for index, (output, before) in enumerate(zip(result.outputs, result.states, strict=True)):
        detected = FrameOutputs(output.layers)  # the whole-step vectors hold IoUs from before any refinement
        check_state(vectors, index, before, match(detected, targets[index], before, config))
    losses = compute_losses(result.outputs, targets, result.matches)
    assert sum(frame.num_samples for frame in result.matches) == vectors["num_samples"]
    check_losses(vectors, losses, config, rtol=1e-3).backward()
    check_gradient_norms(model, str, vectors)
