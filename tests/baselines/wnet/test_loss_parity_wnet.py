"""WNet's losses against the original's criterion."""

import pytest

from baselines.wnet.losses import WNetLossConfig, WNetOutputs, WNetTargets, compute_losses, loss_weights, total_loss
from tests.baselines.loss_parity import (
    check_gradients,
    check_losses,
    layer_prefixes,
    leaves,
    loss_files,
    target_fields,
)
from tests.baselines.parity import load_vectors

CONFIG = WNetLossConfig()


@pytest.mark.parametrize("path", loss_files("wnet"))
def test_loss_parity_wnet(path):
    arrays = load_vectors(path)
    inputs = leaves(arrays)
    outputs = WNetOutputs(
        *(inputs[name] for name in ("pred_boxes", "pred_masks", "memory", "fusion")),
        tuple(inputs[f"{prefix}pred_boxes"] for prefix in layer_prefixes(arrays)),
    )
    targets = [
        WNetTargets(fields["boxes"], fields["masks"].float(), fields["valid"].bool())
        for fields in target_fields(arrays)
    ]
    assert sum(len(target.valid) for target in targets) == arrays["num_boxes"]
    losses = compute_losses(outputs, targets)
    total = total_loss(losses, CONFIG)
    check_losses(losses, total, loss_weights(CONFIG), arrays)
    check_gradients(inputs, total, arrays)
