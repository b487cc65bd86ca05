import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.nn.text_encoder import HashTokenizer
from baselines.mttr import model as mttr_model
from baselines.mttr.method import MttrModel, best_query, upsample_masks
from baselines.mttr.model import Mttr, SegmentedClip
from mevis_bench.records import TextPrompt
from tests.baselines.parity import tiny_roberta
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "The bird  flying away"), TextPrompt("1", "two dogs"), TextPrompt("2", "no one")]
SETTINGS = ClipSettings(short=32, clip_length=None, sampling="consecutive", precision="float32")


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Mttr(tiny_roberta(pooler=False)).eval()


def segmenter(network, settings=SETTINGS):
    return ClipSegmenter(MttrModel(network, HashTokenizer(), settings, 640, "cpu"), settings, "cpu")


def test_a_video_is_encoded_once_and_answered_as_one_sentence_at_a_time(network, tmp_path):
    video = noise_video(tmp_path, 3, 50, 90)
    encoded = []
    hook = network.backbone.register_forward_hook(lambda *_: encoded.append(1))
    together = list(segmenter(network).predict(video, PROMPTS))
    hook.remove()
    assert len(encoded) == 1
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = segmenter(network).predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
        assert alone.target_score == prediction.target_score
        assert prediction.masks.shape == (3, 50, 90)


def test_case_and_spaces_of_a_sentence_do_not_matter(network):
    model = segmenter(network).model
    one, two = (
        model.encode_prompt(TextPrompt("0", text)) for text in ("The bird  flying away ", "the bird flying away")
    )
    assert torch.equal(one.features, two.features)
    assert not torch.equal(
        one.features, model.encode_prompt(TextPrompt("0", "the bird flying up")).features[:, : one.features.shape[1]]
    )


@torch.no_grad()
def test_frames_come_in_pieces_to_the_same_result(network, monkeypatch):
    torch.manual_seed(0)
    clip = network.encode(torch.randn(5, 3, 40, 52))
    words = network.read(torch.tensor([[0, 7, 9, 2]]))
    whole = network(clip, words)
    monkeypatch.setattr(mttr_model, "FRAMES_AT_ONCE", 2)
    parts = network(clip, words)
    for name in ("referred", "kernels", "features"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_words_change_nothing(network):
    torch.manual_seed(0)
    clip = network.encode(torch.randn(2, 3, 40, 52))
    short = network(clip, network.read(torch.tensor([[0, 7, 9, 2]])))
    mask = torch.tensor([[1, 1, 1, 1, 0, 0]])
    padded = network(clip, network.read(torch.tensor([[0, 7, 9, 2, 1, 1]]), mask))
    for name in ("referred", "kernels", "features"):
        torch.testing.assert_close(getattr(padded, name), getattr(short, name), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_padding_cells_are_not_attended(network):
    torch.manual_seed(0)
    clip = network.encode(torch.randn(2, 3, 64, 96), size=(48, 64))
    assert clip.padding.view(4, 6).tolist() == [[False] * 4 + [True] * 2] * 3 + [[True] * 6]
    words = network.read(torch.tensor([[0, 7, 9, 2]]))
    before = network(clip, words)
    clip.tokens[:, clip.padding[0]] += 100.0
    after = network(clip, words)
    torch.testing.assert_close(after.referred, before.referred)
    torch.testing.assert_close(after.kernels, before.kernels)


def test_the_referred_query_is_the_most_probable_on_average():
    logits = torch.zeros(2, 3, 2)
    logits[0, 1, 0] = 30.0  # certain in one frame: 1.0 and 0.5
    logits[:, 2, 0] = 2.0  # likely in both: 0.88
    index, score = best_query(logits)
    assert index == 2
    assert score == pytest.approx(0.8808, abs=1e-4)


def test_masks_are_cut_at_the_input_size_and_then_copied_to_the_nearest_pixel():
    logits = torch.tensor([[[3.0, -1.0]]]).expand(10, 1, 2)
    drawn = upsample_masks(logits, resized=(2, 4), size=(4, 6))
    # At the input's size: 3, 2, 0, -1 -> inside, inside, outside, outside. Six columns take 0, 0, 1, 2, 2, 3 of them.
    assert drawn.shape == (10, 4, 6)
    assert drawn[0].tolist() == [[True, True, True, False, False, False]] * 4


def test_a_mask_is_its_kernel_on_the_features():
    torch.manual_seed(0)
    clip = SegmentedClip(torch.zeros(2, 2, 2, 3, 2), torch.randn(2, 2, 2, 3, 8), torch.randn(2, 2, 8, 4, 5))
    for layer in (0, 1):
        expected = sum(clip.kernels[layer, 0, 1, 2, k] * clip.features[0, 1, k] for k in range(8))
        torch.testing.assert_close(clip.masks(layer)[0, 1, 2], expected)
    torch.testing.assert_close(clip.query_masks(0, 2)[1], expected)


def test_frames_are_sized_by_the_capped_rule(network):
    model = segmenter(network).model
    assert model.input_size(720, 1280, 360) == (360, 640)
    assert model.input_size(400, 1000, 360) == (256, 640)
