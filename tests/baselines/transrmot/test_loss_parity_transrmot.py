"""TransRMOT's criterion and whole training step against the original's."""

import pytest

from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.transrmot.losses import FRESH_IOU, LossConfig, carried_rows, forward_clip
from baselines.transrmot.model import TransRmot
from tests.baselines.loss_parity import loss_files
from tests.baselines.parity import load_vectors, tiny_roberta_config
from tests.baselines.track_loss_parity import StoredClip, check_step, stored_clip, unreached

SIZE = DetectorConfig(text=tiny_roberta_config())


@pytest.mark.parametrize("path", loss_files("transrmot", step=False))
def test_loss_parity_of_the_criterion(path):
    stored = StoredClip(path)
    config = LossConfig(random_drop=0.0, fp_ratio=stored.meta["fp_ratio"])

    def carry(output, frame):
        rows = carried_rows(output, frame, config)
        return rows, frame.state[rows]

    stored.check_criterion(config, FRESH_IOU, carry)


@pytest.mark.parametrize("path", loss_files("transrmot", step=True))
def test_loss_parity_of_a_whole_step(path):
    vectors, clip = load_vectors(path), stored_clip("TransRMOT")
    model = TransRmot(SIZE, track_attention=False).eval()
    config = LossConfig(random_drop=0.0, fp_ratio=0.0)
    check_step(vectors, model, clip, config, lambda *inputs: forward_clip(model, *inputs, config))
    assert unreached(model) == {"track_embed.norm3.weight", "track_embed.norm3.bias"}
