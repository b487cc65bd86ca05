import argparse

import pytest
import torch

from baselines.layers.checkpoints.detector_checkpoint import load_detector
from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.layers.nn.track_queries import LifeCycle, TrackQueries, TrackRules
from baselines.transrmot.model import TransRmot
from mevis_bench.records import DataError
from tests.baselines.parity import shapes, tiny_roberta_config

SIZE = DetectorConfig(text=tiny_roberta_config())

RULES = TrackRules(0.7, 0.6, 5, 500, 0.7, 100.0, 0.5)


def build(track_attention):
    return TransRmot(SIZE, track_attention=track_attention)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return TransRmot(SIZE, track_attention=True).eval()


def _save(path, tensors):
    position_ids = {"text_encoder.embeddings.position_ids": torch.arange(130)[None]}
    args = argparse.Namespace(lr=1e-4, meta_arch="rmot")
    torch.save({"model": {**tensors, **position_ids}, "optimizer": {}, "epoch": 99, "args": args}, path)


def test_the_authors_file_layout_loads_and_its_keys_decide_on_track_attention(model, tmp_path):
    path = tmp_path / "checkpoint0099.pth"
    plain = {key: value for key, value in model.state_dict().items() if not _of_track_attention(key)}
    assert len(model.state_dict()) - len(plain) == 36
    _save(path, plain)
    loaded = load_detector(path, build).state_dict()
    assert loaded.keys() == plain.keys()
    assert all(torch.equal(loaded[key], plain[key]) for key in plain)


def _of_track_attention(key):
    return ".update_attn." in key or ".norm4." in key


def test_a_file_of_another_model_is_a_data_error(tmp_path):
    path = tmp_path / "checkpoint0099.pth"
    with torch.device("meta"):
        tensors = TransRmot(SIZE, track_attention=False).state_dict()
    tensors = {key: torch.zeros(()).expand(value.shape) for key, value in tensors.items()}
    tensors["STReasoner.track_cls.bias"] = tensors.pop("refer_embed.5.bias")
    _save(path, tensors)
    with pytest.raises(DataError, match=r"1 missing: refer_embed\.5\.bias; 1 unexpected: STReasoner\.track_cls\.bias"):
        load_detector(path, build)


@pytest.mark.parametrize(("track_attention", "keys", "millions"), [(True, 878, 169.2), (False, 842, 167.7)])
def test_size_is_the_published_one(track_attention, keys, millions):
    with torch.device("meta"):
        full = TransRmot(track_attention=track_attention)
    assert len(shapes(full)) == keys
    assert round(sum(parameter.numel() for parameter in full.parameters()) / 1e6, 1) == millions


@torch.no_grad()
def test_track_attention_moves_tracks_only_by_each_other(model):
    levels = model.see(torch.randn(1, 3, 64, 96))
    encoded = model.encode(levels, model.read(torch.tensor([[0, 9, 2]])))
    step = model.step(encoded, None, LifeCycle(RULES))
    assert len(step.queries) == model.config.detect_queries
    assert len(step.tracks) == 0
    layer = model.transformer.decoder.layers[0]
    tracks = TrackQueries(torch.randn(2, 2), torch.randn(2, 512), torch.arange(2), torch.zeros(2, dtype=torch.long))
    queries = model.queries(tracks)
    with_branch = model.decode(encoded, queries).states[0, 0]
    layer.update_attn.out_proj.weight.zero_()
    count = model.config.detect_queries
    layer.norm4.weight.zero_()
    assert not torch.allclose(
        model.decode(encoded, queries).states[0, 0, count:],
        with_branch[count:],
    )
