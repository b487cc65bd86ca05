"""R2-VOS's own rules: filters of words, the decoder's levels, and empty masks where sentence and video disagree."""

import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inputs.text_reference import TextReference, as_words
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.r2vos.config import SIZES
from baselines.r2vos.dual_fpn import DualBlock, DualFpn, TextReader
from baselines.r2vos.method import ClipAnswer, R2VosModel
from baselines.r2vos.model import R2Vos
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

SIZE = SIZES["mini"]


@pytest.fixture(scope="module")
def network() -> R2Vos:
    torch.manual_seed(0)
    network = R2Vos("resnet-mini", TextReference(build_roberta(SIZE.text), SIZE.channels), SIZE).eval()
    for head in network.queries.class_embed:
        torch.nn.init.normal_(head.weight, std=0.5)
    return network


def model(network, agreement=0.5):
    return R2VosModel(network, HashTokenizer(), "cpu", agreement=agreement)


def answers(*disagreement):
    masks = torch.ones(1, 2, 2, 2)
    masks[:, 0] = -1
    queries = QueryOutputs(torch.tensor([[0.0, 1.0]]), torch.zeros(1, 2, 1), masks)
    return [ClipAnswer(queries, torch.tensor(value)) for value in disagreement]


@pytest.mark.parametrize(
    ("agreement", "disagreement", "empty"),
    [
        (0.5, (0.49,), False),
        (0.5, (0.5,), True),
        (0.5, (0.2, 0.7), False),
        (0.5, (0.4, 0.7), True),
        (None, (0.9,), False),
    ],
)
def test_masks_are_empty_where_sentence_and_video_disagree(network, agreement, disagreement, empty):
    masks, score = model(network, agreement).postprocess(answers(*disagreement), (4, 4))
    assert score == pytest.approx(1 - sum(disagreement) / len(disagreement))
    assert [bool(part.any()) for part in masks] == [not empty] * len(disagreement)
    assert [part.shape for part in masks] == [(1, 4, 4)] * len(disagreement)


def test_candidates_are_all_queries(network):
    masks, scores = zip(*model(network).candidates(answers(0.9), (4, 4)), strict=True)
    assert scores == pytest.approx([0.5, torch.tensor(1.0).sigmoid().item()])
    assert [bool(parts[0].any()) for parts in masks] == [False, True]


@torch.no_grad()
def test_filters_are_means_of_thirds_of_the_words():
    torch.manual_seed(0)
    decoder = DualFpn(8, 16, 2, 32, 0.0)
    words = torch.randn(4, 16)
    thirds = torch.stack([words[0:2].mean(0), words[1:3].mean(0), words[2:4].mean(0)])
    torch.testing.assert_close(decoder.filters(words), decoder.dyn_filter(thirds))


@torch.no_grad()
def test_the_reader_is_torch_s_decoder():
    torch.manual_seed(0)
    reader = TextReader(16, 2, 32, 0.0).eval()
    layer = torch.nn.TransformerDecoderLayer(16, 2, 32, 0.0, batch_first=True)
    theirs = torch.nn.TransformerDecoder(layer, 3, torch.nn.LayerNorm(16)).eval()
    theirs.load_state_dict(reader.state_dict())
    query, memory = torch.randn(1, 16), torch.randn(5, 16)
    padding = torch.tensor([False, False, False, True, True])
    expected = theirs(query[None], memory[None], memory_key_padding_mask=padding[None])[0, 0]
    torch.testing.assert_close(reader(query, memory, padding), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_reaches_neither_words_nor_cells():
    torch.manual_seed(0)
    block = DualBlock(16, 2, 32, 0.0).eval()
    words, cells, position = as_words(torch.randn(4, 16)), torch.randn(6, 16), torch.randn(6, 16)
    padding = torch.tensor([False, False, True, False, True, False])
    one = block(cells, position, padding, words)
    two = block(cells.masked_fill(padding[:, None], 9.0), position, padding, words)
    torch.testing.assert_close(one[1], two[1])
    torch.testing.assert_close(one[0][~padding], two[0][~padding])


def test_prompts_change_nothing_in_each_other(network, tmp_path):
    video = noise_video(tmp_path, 3, 40, 64)
    prompts = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs")]
    segmenter = ClipSegmenter(model(network, None), ClipSettings(32, None, "consecutive", "float32"), "cpu")
    together = list(segmenter.predict(video, prompts))
    for prompt, prediction in zip(prompts, together, strict=True):
        (alone,) = segmenter.predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
    assert together[0].target_score != together[1].target_score
    with pytest.raises(TypeError, match="R2-VOS requires a text prompt, got SpeechPrompt"):
        model(network).encode_prompt(SpeechPrompt("0", "a.wav"))
