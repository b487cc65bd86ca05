"""MTTR's losses against the original's criterion."""

import json

import pytest
import torch

from baselines.mttr.losses import (
    MttrLossConfig,
    MttrOutputs,
    MttrTargets,
    compute_losses,
    loss_weights,
    match,
    total_loss,
)
from tests.baselines.loss_parity import (
    check_gradients,
    check_losses,
    layer_prefixes,
    leaves,
    loss_files,
    target_fields,
)
from tests.baselines.parity import load_vectors

CONFIG = MttrLossConfig()


@pytest.mark.parametrize("path", loss_files("mttr"))
def test_loss_parity_mttr(path):
    arrays = load_vectors(path)
    inputs = leaves(arrays)
    auxiliary = [read_layer(inputs, prefix) for prefix in layer_prefixes(arrays)]
    last = read_layer(inputs, "")
    outputs = MttrOutputs(last.pred_masks, last.pred_is_referred, tuple(auxiliary))
    targets = [read_target(fields) for fields in target_fields(arrays)]
    layers = {f"aux_{index}": layer for index, layer in enumerate(auxiliary)} | {"last": last}
    for name, layer in layers.items():
        for clip, indices in enumerate(match(layer, targets, CONFIG)):
            assert torch.stack(indices).tolist() == arrays[f"index/{name}/{clip}"].tolist(), f"{name}/{clip}"
    num_masks = sum(target.masks.shape[0] * target.masks.shape[1] for target in targets)
    assert num_masks == json.loads(bytes(arrays["meta"]))["num_masks"]
    losses = compute_losses(outputs, targets, CONFIG)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays)
    check_gradients(inputs, total, arrays)


def read_layer(inputs, prefix):
    return MttrOutputs(inputs[f"{prefix}pred_masks"], inputs[f"{prefix}pred_is_referred"])


def read_target(fields):
    is_ref_inst = torch.zeros(fields["masks"].shape[1], dtype=torch.bool)
    is_ref_inst[int(fields["referred_instance_idx"])] = True
    return MttrTargets(
        fields["masks"].float(), fields["is_ref_inst_visible"].bool()[:, None] & is_ref_inst, is_ref_inst
    )
