"""OnlineRefer's state from frame to frame, and the masks that it gives."""

import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.onlinerefer.method import OnlineReferModel
from baselines.onlinerefer.model import OnlineRefer, TrackEmbedding
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs")]
SIZES = LANGUAGE_QUERIES_SIZES["mini"]


@pytest.fixture(scope="module")
def network() -> OnlineRefer:
    torch.manual_seed(0)
    network = OnlineRefer("resnet-mini", TextReference(build_roberta(SIZES.text), SIZES.channels), SIZES).eval()
    for head in [*network.queries.class_embed, *(mlp.last for mlp in network.queries.transformer.decoder.bbox_embed)]:
        torch.nn.init.normal_(head.weight, std=0.5)
    return network


def segmenter(network: OnlineRefer, chunk: int) -> ClipSegmenter:
    model = OnlineReferModel(network, HashTokenizer(), "cpu")
    return ClipSegmenter(model, ClipSettings(32, chunk, "consecutive", "float32"), "cpu")


def test_chunks_and_other_prompts_change_nothing(network, tmp_path):
    video = noise_video(tmp_path, 5, 40, 64)
    together = list(segmenter(network, 2).predict(video, PROMPTS))
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = segmenter(network, 5).predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
        assert alone.target_score == pytest.approx(prediction.target_score, abs=1e-6)
    assert together[0].target_score != together[1].target_score


@torch.no_grad()
def test_the_best_query_of_a_frame_is_the_next_one_s(network):
    words = network.read(torch.tensor([[0, 5, 9, 2]]))
    frames = network.encode(torch.randn(2, 3, 32, 48, generator=torch.Generator().manual_seed(0)))
    first = network.first_queries()
    assert not first.content.any()
    assert (len(first.content), first.reference.shape[-1]) == (5, 2)
    one = network(frames[0], words, first)
    assert one.best == int(one.segmented.logits[0].argmax())
    carried = one.next_queries
    assert torch.equal(carried.position[0], network.queries.query_embed.weight[one.best])
    torch.testing.assert_close(carried.reference[0], one.segmented.boxes[0, one.best])
    state = one.segmented.found.states[-1, 0, one.best]
    torch.testing.assert_close(carried.content[0], network.track_embed(state))
    two = network(frames[1], words, carried)
    assert two.segmented.masks.shape[:2] == (1, 1)
    assert two.best == 0
    assert torch.equal(two.next_queries.position, carried.position)


def test_track_embedding_by_hand():
    embedding = TrackEmbedding(2)
    with torch.no_grad():
        embedding.linear1.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        embedding.linear2.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 5.0]]))
        embedding.linear1.bias.zero_()
        embedding.linear2.bias.zero_()
    # ReLU((3, -4)) = (3, 0), times W2 = (6, 0), plus x = (9, 4): mean 6.5, deviation 2.5.
    out = embedding(torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(out, torch.tensor([[1.0, -1.0]]), atol=1e-5, rtol=0)


def test_speech_is_refused(network):
    with pytest.raises(TypeError, match="OnlineRefer requires a text prompt, got SpeechPrompt"):
        segmenter(network, 2).model.encode_prompt(SpeechPrompt("0", "a.wav"))
