import pytest
import torch

from baselines.layers.nn.track_queries import Detections
from baselines.temprmot.model import TempRmot
from baselines.temprmot.temporal import History, SpatialTemporalReasoner, time_encoding
from tests.baselines.parity import shapes


@pytest.mark.parametrize(("track_attention", "keys", "millions"), [(True, 1004, 176.1), (False, 968, 174.5)])
def test_size_is_the_published_one(track_attention, keys, millions):
    with torch.device("meta"):
        full = TempRmot(history=8, track_attention=track_attention)
    assert len(shapes(full)) == keys
    assert round(sum(parameter.numel() for parameter in full.parameters()) / 1e6, 1) == millions


def test_history_forgets_the_oldest_frame_and_corrects_the_newest():
    history = History.empty(1, 3, torch.zeros(1, 2))
    for frame in range(1, 5):
        history = history.shifted(torch.full((1, 2), float(frame)))
        assert history.absent.tolist() == [[frame < 3, frame < 2, False]]
    history = history.corrected(torch.full((1, 2), 9.0))
    assert history.states[0, :, 0].tolist() == [2.0, 3.0, 9.0]


@torch.no_grad()
def test_frames_before_a_track_began_are_not_looked_at():
    torch.manual_seed(0)
    reasoner = SpatialTemporalReasoner(4).eval()
    position, output = torch.randn(2, 256), torch.randn(2, 256)
    found = Detections(torch.zeros(2), torch.zeros(2), torch.rand(2, 4), output)
    history = History.empty(2, 4, position)
    noise = History(torch.randn(2, 4, 256), history.absent)
    refined, after = reasoner(found, history, position)
    same, _ = reasoner(found, noise, position)
    torch.testing.assert_close(refined.output, same.output)
    seen = History(noise.states, torch.zeros_like(history.absent))
    assert not torch.allclose(refined.output, reasoner(found, seen, position)[0].output)
    assert after.absent.tolist() == [[True, True, True, False]] * 2
    torch.testing.assert_close(after.states[:, -1], refined.output)
    torch.testing.assert_close(refined.boxes, found.boxes, atol=1e-4, rtol=0)  # a fresh box head corrects nothing


def test_time_runs_from_zero_to_a_full_turn():
    code = time_encoding(5, torch.zeros(1, 256))
    assert code.shape == (5, 256)
    torch.testing.assert_close(code[:, 1], torch.tensor([1.0, 0.0, -1.0, 0.0, 1.0]), atol=1e-5, rtol=0)
    assert time_encoding(1, torch.zeros(1, 256)).isfinite().all()
