import json
from functools import lru_cache

import pytest
import torch

from baselines.layers.nn.referring_detector import DetectorConfig, has_track_attention
from baselines.layers.nn.track_queries import LifeCycle
from baselines.transrmot.model import TransRmot
from tests.baselines.parity import expected_keys, fill_by_name, load_vectors, parity_files, shapes, tiny_roberta_config
from tests.baselines.small_vectors import NUMBERS_BY_METHOD, load_small_vector
from tests.baselines.track_parity import (
    StoredFrames,
    check_image_and_text,
    check_queries,
    check_step,
    override,
)

SIZE = DetectorConfig(text=tiny_roberta_config())


@lru_cache(maxsize=2)
def _filled(track_attention: bool, overrides: str) -> TransRmot:
    """Several clip sizes share one model: building and filling it takes longer than the frames."""
    model = TransRmot(SIZE, track_attention=track_attention).eval()
    fill_by_name(model)
    override(model, json.loads(overrides))
    return model


@pytest.mark.parametrize("path", parity_files("TransRMOT"))
def test_parity_over_streaming_frames(path):
    check_streaming(StoredFrames(load_vectors(path)))


def test_small_vector():
    check_streaming(StoredFrames(load_small_vector("transrmot"), NUMBERS_BY_METHOD["transrmot"]))


@torch.no_grad()
def check_streaming(stored):
    model = _filled(stored.meta["extra_track_attn"], json.dumps(stored.meta["overrides"]))
    words = model.read(torch.from_numpy(stored.arrays["in_input_ids"]))
    tracks, life = None, LifeCycle(stored.rules)
    for frame, pixels in enumerate(stored.frames):
        levels = model.see(pixels[None])
        encoded = model.encode(levels, words)
        check_image_and_text(stored, frame, model, pixels[None], levels, words)
        check_queries(stored, frame, model, encoded, model.queries(tracks))
        step = model.step(encoded, tracks, life)
        tracks = step.tracks
        check_step(stored, frame, step, tracks)
    assert not stored.unseen


@pytest.mark.parametrize(("name", "track_attention"), [("TransRMOT", False), ("TransRMOT_extra", True)])
def test_keys_are_the_authors(name, track_attention):
    expected = expected_keys(name)
    with torch.device("meta"):
        model = TransRmot(SIZE, track_attention=track_attention)
    assert shapes(model) == expected
    assert has_track_attention(expected) is track_attention
