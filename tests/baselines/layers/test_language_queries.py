import pytest
import torch
from torch import nn

from baselines.layers.inputs.text_reference import TextReference, as_words
from baselines.layers.nn import language_queries
from baselines.layers.nn.clip_backbones import BACKBONES, ClipBackbone
from baselines.layers.nn.language_queries import LanguageQueries
from baselines.layers.nn.language_queries_keys import authors_key, load_tensors
from mevis_bench.records import DataError, UsageError
from tests.baselines.parity import tiny_roberta


@pytest.fixture(scope="module")
def queries():
    torch.manual_seed(0)
    return LanguageQueries("resnet50").eval()


@torch.no_grad()
def test_wide_layers_hold_a_few_frames_at_a_time_and_the_result_stays(queries, monkeypatch):
    torch.manual_seed(0)
    frames = torch.randn(5, 3, 40, 52)
    words, sentence = as_words(torch.randn(4, 256)), torch.randn(256)
    hidden = []
    hook = queries.pixel_decoder.cross_attn_1.linear1.register_forward_hook(
        lambda *args: hidden.append(args[2].numel())
    )

    def segmented():
        clip = queries.encode(frames)
        found = queries.find(clip.levels, queries.start(sentence))
        return queries.segment(clip, found, words, found.states[-1], found.boxes[-1, ..., :2])

    whole = segmented()
    bound = 2 * 10 * 13 * queries.config.feedforward
    monkeypatch.setattr(language_queries, "MAX_HIDDEN_VALUES", bound)
    parts = segmented()
    hook.remove()
    assert hidden == [5 * bound // 2, bound, bound, bound // 2]
    torch.testing.assert_close(parts, whole, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_what_padding_holds_does_not_reach_the_queries(queries):
    torch.manual_seed(0)
    clip = queries.encode(torch.randn(2, 3, 128, 192), size=(96, 128))
    assert clip.size == (96, 128)
    assert [int((~level.padding).sum()) for level in clip.levels] == [12 * 16, 6 * 8, 3 * 4, 2 * 2]
    sentence = torch.randn(256)
    before = queries.find(clip.levels, queries.start(sentence))
    for level in clip.levels:
        for piece in level.maps:
            piece.masked_fill_(level.padding[:, None], 50.0)
    after = queries.find(clip.levels, queries.start(sentence))
    torch.testing.assert_close(after.states, before.states)
    torch.testing.assert_close(after.boxes, before.boxes)


@torch.no_grad()
def test_padding_words_change_neither_words_nor_sentence():
    reference = TextReference(tiny_roberta()).eval()
    words, sentence = reference(torch.tensor([[0, 7, 9, 2]]))
    padded, same = reference(torch.tensor([[0, 7, 9, 2, 1, 1]]), torch.tensor([[1, 1, 1, 1, 0, 0]]))
    torch.testing.assert_close(padded.features[:4], words.features, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded.position[:4], words.position)
    torch.testing.assert_close(same, sentence, atol=1e-5, rtol=1e-5)
    assert padded.padding.tolist() == [False] * 4 + [True] * 2
    assert words.padding is None


@pytest.mark.parametrize("name", BACKBONES)
def test_every_backbone_has_maps_of_four_strides(name):
    with torch.device("meta"):
        backbone = ClipBackbone(name)
        steps = list(backbone(torch.empty(3, 3, 100, 180), frames_at_once=2))
    assert [len(maps[0]) for maps in steps] == [2, 1]
    sizes = [(25, 45), (13, 23), (7, 12), (4, 6)]
    expected = [(2, c, *size) for c, size in zip(backbone.channels, sizes, strict=True)]
    assert [tuple(x.shape) for x in steps[0]] == expected


def test_an_unknown_backbone_is_named():
    with pytest.raises(UsageError) as caught:
        ClipBackbone("video-swin-x")
    assert str(caught.value).startswith("method.backbone: unknown backbone 'video-swin-x'\nDid you mean 'video-swin-")


class Small(nn.Module):
    """Stands for a network: one tensor of each family of keys."""

    def __init__(self):
        super().__init__()
        self.queries = nn.ModuleDict(
            {"backbone": nn.ModuleDict({"body": nn.Linear(2, 2)}), "controller": nn.Linear(2, 3)}
        )
        self.reference = nn.ModuleDict({"resizer": nn.Linear(1, 2)})


def authors_file(network):
    file = {authors_key(key): torch.full_like(value, i) for i, (key, value) in enumerate(network.state_dict().items())}
    assert sorted(file) == [
        "backbone.0.body.bias", "backbone.0.body.weight", "controller.bias", "controller.weight",
        "resizer.bias", "resizer.weight",
    ]  # fmt: skip
    return file


def test_authors_names_load_and_known_extras_are_dropped(tmp_path):
    network = Small()
    file = authors_file(network)
    extras = {
        "bbox_embed.3.layers.2.weight": torch.zeros(4, 2),
        "text_encoder.embeddings.position_ids": torch.arange(4),
        "backbone.0.body.total_ops": torch.zeros(1),
        "total_params": torch.zeros(1),
    }
    torch.save({"model": {**file, **extras}, "epoch": 5}, tmp_path / "ytvos.pth")
    loaded = load_tensors(tmp_path / "ytvos.pth", network, authors_key)
    assert set(loaded) == set(network.state_dict())
    assert torch.equal(loaded["queries.controller.weight"], file["controller.weight"])
    network.load_state_dict(loaded)


def test_a_file_of_another_network_is_refused_with_its_keys(tmp_path):
    network = Small()
    file = authors_file(network)
    del file["resizer.weight"]
    file["MTA.layers.0.norm1.bias"] = torch.zeros(2)
    file["controller.bias"] = torch.zeros(7)
    torch.save({"model": file}, tmp_path / "other.pth")
    with pytest.raises(DataError) as caught:
        load_tensors(tmp_path / "other.pth", network, authors_key)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'other.pth'}: the file does not match this model: ")
    assert "1 missing: resizer.weight" in message
    assert "1 unexpected: MTA.layers.0.norm1.bias" in message
    assert "controller.bias (7,) instead of (3,)" in message
