import json
from functools import lru_cache

import pytest
import torch

from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.layers.nn.track_queries import LifeCycle
from baselines.temprmot.model import TempRmot
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
def _filled(track_attention: bool, overrides: str, history: int) -> TempRmot:
    """Several clip sizes share one model: building and filling it takes longer than the frames."""
    model = TempRmot(SIZE, history=history, track_attention=track_attention).eval()
    fill_by_name(model)
    override(model, json.loads(overrides))
    return model


@pytest.mark.parametrize("path", parity_files("TempRMOT"))
def test_parity_over_streaming_frames(path):
    check_streaming(StoredFrames(load_vectors(path)))


def test_small_vector():
    check_streaming(StoredFrames(load_small_vector("temprmot"), NUMBERS_BY_METHOD["temprmot"]))


@torch.no_grad()
def check_streaming(stored):
    meta = stored.meta
    model = _filled(meta["extra_track_attn"], json.dumps(meta["overrides"]), meta["hist_len"])
    words = model.read(torch.from_numpy(stored.arrays["in_input_ids"]))
    tracks, life = None, LifeCycle(stored.rules)
    for frame, pixels in enumerate(stored.frames):
        levels = model.see(pixels[None])
        encoded = model.encode(levels, words)
        check_image_and_text(stored, frame, model, pixels[None], levels, words)
        check_queries(stored, frame, model, encoded, model.queries(None if tracks is None else tracks.queries))
        step = model.step(encoded, tracks, life)
        tracks = step.tracks
        stored.close(frame, "st_pred_logits", step.detections.logits[:, None])
        stored.close(frame, "st_pred_refers", step.detections.refers[:, None])
        stored.close(frame, "st_pred_boxes", step.detections.boxes)
        stored.close(frame, "st_output_embedding_s8", step.detections.output[:, ::8])
        stored.close(frame, "st_hist_embeds_active_s16", tracks.history.states[:, :, ::16])
        stored.same(frame, "st_hist_padding_active", tracks.history.absent.long())
        check_step(stored, frame, step, tracks.queries)
    assert not stored.unseen


@pytest.mark.parametrize(("name", "track_attention"), [("TempRMOT", False), ("TempRMOT_extra", True)])
def test_keys_are_the_authors(name, track_attention):
    with torch.device("meta"):
        model = TempRmot(SIZE, history=8, track_attention=track_attention)
    assert shapes(model) == expected_keys(name)
