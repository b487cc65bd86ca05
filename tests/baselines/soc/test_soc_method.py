"""SOC's own rules: the layer that is read, objects of a clip or of every frame, several classes."""

import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.deformable_transformer import inverse_sigmoid
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.soc.config import SIZES
from baselines.soc.method import SocModel
from baselines.soc.model import Soc
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

SIZE = SIZES["mini"]
PROMPTS = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs")]


@pytest.fixture(scope="module")
def network() -> Soc:
    torch.manual_seed(0)
    network = Soc("resnet-mini", TextReference(build_roberta(SIZE.text), SIZE.channels), SIZE).eval()
    for head in [*network.queries.class_embed, *(mlp.last for mlp in network.queries.transformer.decoder.bbox_embed)]:
        torch.nn.init.normal_(head.weight, std=0.5)
    return network


def model(network, *, frame_by_frame=False):
    return SocModel(network, HashTokenizer(), "cpu", longest=96, frame_by_frame=frame_by_frame)


@torch.no_grad()
def test_the_first_layer_is_read_with_the_objects_of_the_last(network):
    clip = network.encode(torch.randn(2, 3, 40, 64, generator=torch.Generator().manual_seed(0)))
    text = network.read(torch.tensor([[0, 5, 9, 2]]))
    segmented = network(clip, text)
    found = segmented.found
    states = found.states[0] + network.voc(found.states[-1][None], text[1])
    torch.testing.assert_close(segmented.logits, network.queries.class_embed[0](states))
    delta = network.queries.transformer.decoder.bbox_embed[0](states)
    delta[..., :2] += inverse_sigmoid(found.first_reference)
    torch.testing.assert_close(segmented.boxes, delta.sigmoid())
    masks = network.draw(clip, found, states, found.boxes[0][..., :2])
    torch.testing.assert_close(segmented.masks, masks)


@torch.no_grad()
def test_frame_by_frame_is_every_frame_of_the_clip_alone(network):
    frames = torch.randn(3, 3, 40, 64, generator=torch.Generator().manual_seed(0))
    text = network.read(torch.tensor([[0, 5, 9, 2]]))
    apart = network(network.encode(frames), text, frame_by_frame=True)
    for index in range(3):
        alone = network(network.encode(frames[index : index + 1]), text)
        torch.testing.assert_close(apart.logits[index], alone.logits[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(apart.masks[index], alone.masks[0], atol=1e-3, rtol=1e-4)
    together = network(network.encode(frames), text)
    assert not torch.allclose(together.logits, apart.logits, atol=1e-4)


def test_the_best_class_counts(network):
    # Means over the frames: query 0 has 0.5 and 0.5, query 1 has 0.1 and 0.6; the highest logit is query 0's.
    probability = torch.tensor([[[0.9, 0.5], [0.1, 0.6]], [[0.1, 0.5], [0.1, 0.6]]])
    masks = torch.full((2, 2, 2, 2), -1.0)
    masks[:, 1] = 1.0
    outputs = [QueryOutputs(probability.logit(), torch.zeros(2, 2, 1), masks)]
    found, score = model(network).postprocess(outputs, (4, 4))
    assert score == pytest.approx(0.6)
    assert found[0].all()
    scores = [score for _, score in model(network).candidates(outputs, (4, 4))]
    assert scores == pytest.approx([0.5, 0.6])


def test_prompts_change_nothing_in_each_other(network, tmp_path):
    video = noise_video(tmp_path, 3, 40, 64)
    segmenter = ClipSegmenter(model(network), ClipSettings(32, None, "consecutive", "float32"), "cpu")
    together = list(segmenter.predict(video, PROMPTS))
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = segmenter.predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
    assert together[0].target_score != together[1].target_score
    with pytest.raises(TypeError, match="SOC requires a text prompt, got SpeechPrompt"):
        model(network).encode_prompt(SpeechPrompt("0", "a.wav"))


def test_the_long_side_is_bounded(network):
    assert model(network).input_size(100, 200, 60) == (48, 96)
    assert model(network).input_size(100, 150, 60) == (60, 90)
