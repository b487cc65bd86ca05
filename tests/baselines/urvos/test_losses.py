import math

import pytest
import torch

from baselines.urvos.losses import UrvosTargets, compute_losses

MASK = torch.tensor([[[1, 1], [0, 0]]])


@pytest.mark.parametrize(("foreground", "expected"), [(0.0, math.log(2)), (40.0, 0.0), (-40.0, 40.0)])
def test_the_cross_entropy_by_hand(foreground, expected):
    logits = torch.stack((torch.zeros(1, 2, 2), foreground * (2 * MASK - 1.0)), dim=1)
    assert compute_losses(logits, UrvosTargets(MASK))["loss_ce"].item() == pytest.approx(expected, abs=1e-6)
