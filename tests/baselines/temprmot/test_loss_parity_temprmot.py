"""TempRMOT's criterion and whole training step against the original's."""

import pytest

from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.temprmot.losses import FRESH_IOU, LossConfig, carry, forward_clip
from baselines.temprmot.model import TempRmot
from tests.baselines.loss_parity import loss_files
from tests.baselines.parity import load_vectors, tiny_roberta_config
from tests.baselines.track_loss_parity import StoredClip, check_step, stored_clip, unreached

STEP_HISTORY = 5
"""Frames of history that the whole-step vectors were made with."""


@pytest.mark.parametrize("path", loss_files("temprmot", step=False))
def test_loss_parity_of_the_criterion(path):
    StoredClip(path).check_criterion(LossConfig(), FRESH_IOU, carry)


@pytest.mark.parametrize("path", loss_files("temprmot", step=True))
def test_loss_parity_of_a_whole_step(path):
    vectors, clip = load_vectors(path), stored_clip("TempRMOT")
    model = TempRmot(DetectorConfig(text=tiny_roberta_config()), history=STEP_HISTORY, track_attention=False).eval()
    check_step(vectors, model, clip, LossConfig(), lambda *inputs: forward_clip(model, *inputs, LossConfig()))
    assert {name.rpartition(".")[0].partition(".multihead")[0] for name in unreached(model)} == {
        "track_embed.norm3",
        "STReasoner.fusion_module",
    }
