import argparse

import pytest
import torch
from torch import nn

from baselines.mttr.checkpoint import load
from mevis_bench.records import DataError


def small_network():
    """Stands for MTTR: two families of its keys."""
    network = nn.Module()
    network.vid_embed_proj = nn.Conv2d(2, 3, 1)
    network.is_referred_head = nn.Linear(3, 2)
    return network


def test_the_authors_layout_loads_and_position_ids_are_dropped(tmp_path):
    network, path = small_network(), tmp_path / "refer_youtube_vos.pth.tar"
    tensors = network.state_dict()
    position_ids = {"transformer.text_encoder.embeddings.position_ids": torch.arange(5)[None]}
    torch.save({"model_state_dict": {**tensors, **position_ids}, "args": argparse.Namespace(lr=1e-4)}, path)
    loaded = load(path, network)
    assert list(loaded) == list(tensors)
    assert all(torch.equal(loaded[key], tensors[key]) for key in tensors)


def test_a_file_of_another_network_is_refused_with_its_keys(tmp_path):
    path = tmp_path / "other.pth"
    torch.save(
        {"model_state_dict": {"vid_embed_proj.weight": torch.zeros(3, 2, 1, 1), "mti.fq_pos": torch.zeros(2)}}, path
    )
    with pytest.raises(DataError) as caught:
        load(path, small_network())
    message = str(caught.value)
    assert "3 missing: vid_embed_proj.bias, is_referred_head.weight, is_referred_head.bias" in message
    assert "1 unexpected: mti.fq_pos" in message


def test_a_truncated_file_is_refused(tmp_path):
    path = tmp_path / "cut.pth"
    torch.save({"model_state_dict": small_network().state_dict()}, path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataError, match="not a checkpoint, or truncated"):
        load(path, small_network())
