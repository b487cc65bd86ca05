import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.text_encoder import HashTokenizer
from baselines.referformer.method import ReferFormerModel
from baselines.referformer.model import ReferFormer
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.baselines.parity import tiny_roberta
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs"), TextPrompt("2", "no one")]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = ReferFormer("swin-t", TextReference(tiny_roberta())).eval()
    for head in network.queries.class_embed:
        torch.nn.init.normal_(head.weight, std=0.5)
    return network


def segmenter(network, clip_length=None):
    settings = ClipSettings(short=48, clip_length=clip_length, sampling="consecutive", precision="float32")
    return ClipSegmenter(ReferFormerModel(network, HashTokenizer(), "cpu"), settings, "cpu")


def test_a_video_is_encoded_once_and_answered_as_one_sentence_at_a_time(network, tmp_path):
    video = noise_video(tmp_path, 3, 60, 100)
    encoded = []
    hook = network.queries.backbone.body.register_forward_hook(lambda *_: encoded.append(1))
    together = list(segmenter(network).predict(video, PROMPTS))
    hook.remove()
    assert len(encoded) == 1
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = segmenter(network).predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
        assert alone.target_score == prediction.target_score
        assert prediction.masks.shape == (3, 60, 100)
    assert len({prediction.target_score for prediction in together}) == 3


def test_the_query_is_chosen_over_all_pieces_of_a_video(network, tmp_path):
    video = noise_video(tmp_path, 3, 60, 100)
    model = segmenter(network).model
    outputs = []
    segment = model.segment
    model.segment = lambda clip, text: outputs.append(segment(clip, text)) or outputs[-1]
    driver = ClipSegmenter(model, ClipSettings(48, 2, "consecutive", "float32"), "cpu")
    (prediction,) = driver.predict(video, PROMPTS[:1])
    assert [len(part.logits) for part in outputs] == [2, 1]
    scores = torch.cat([part.logits for part in outputs]).sigmoid().mean(0)
    assert prediction.target_score == pytest.approx(scores.max().item())
    best = int(scores.argmax())
    last = torch.nn.functional.interpolate(outputs[1].masks[:, best, None], size=(60, 100), mode="bilinear")[0, 0]
    assert (prediction.masks[2] == (last.sigmoid() > 0.5).numpy()).all()


def test_case_of_a_sentence_is_kept(network):
    model = segmenter(network).model
    one, two = (model.encode_prompt(TextPrompt("0", text))[1] for text in ("The bird", "the bird"))
    assert not torch.equal(one, two)


def test_frames_are_sized_by_the_truncating_rule(network):
    assert segmenter(network).model.input_size(720, 1280, 360) == (360, 640)
    assert segmenter(network).model.input_size(540, 300, 360) == (648, 360)
    assert segmenter(network).model.input_size(101, 333, 50) == (50, 164)


def test_speech_is_no_text(network, tmp_path):
    with pytest.raises(TypeError, match="ReferFormer requires a text prompt, got SpeechPrompt"):
        segmenter(network).model.encode_prompt(SpeechPrompt("0", tmp_path / "a.wav"))
