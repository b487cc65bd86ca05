"""Vision-language models: preprocessing and prompts as in transformers, marks, one greedy sentence, folders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil
from transformers.models.qwen3_vl.modeling_qwen3_vl import Qwen3VLForConditionalGeneration
from transformers.models.smolvlm.modeling_smolvlm import SmolVLMForConditionalGeneration

from baselines.layers.inference import qwen3_vl, smolvlm
from baselines.layers.inference.caption_view import sample_frames
from baselines.layers.options import Attention
from baselines.vlm.method import Describer, first_sentence, load
from baselines.vlm.options import Options
from mevis_bench.records import MethodConfig, Rle, TargetMasks, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(
    family="qwen3_vl", size="mini", instruction="Describe the motion", mark="overlay", color=(255, 0, 0), alpha=0.5,
    line=1, margin=0.1, frames=3, fps=6.0, max_new_tokens=5, precision="float32", device_map="single",
)  # fmt: skip
FRAMES = np.random.RandomState(0).randint(0, 256, (3, 64, 96, 3), dtype=np.uint8)


def method(options: Options = OPTIONS, weights: Path | None = None) -> Describer:
    return load(MethodConfig("rmeg", "any", options, None if weights is None else {"model": weights}, "cpu", 0))


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=4, height=40, width=60)


def target(video: Video, left: int) -> TargetMasks:
    mask = np.zeros((video.height, video.width), np.uint8, order="F")
    mask[5:30, left : left + 20] = 1
    return TargetMasks(str(left), ((Rle(*mask.shape, coco.encode(mask)["counts"]),) * len(video),))


def test_patches_are_those_of_transformers_processor_without_a_resize() -> None:
    processor = Qwen2VLImageProcessorPil(
        patch_size=16, merge_size=2, temporal_patch_size=2, image_mean=[0.5] * 3, image_std=[0.5] * 3, do_resize=False
    )
    ours, grid = qwen3_vl.patches(FRAMES[:1], 1, 10**9)
    expected = processor(FRAMES[0], return_tensors="pt")
    assert grid.tolist() == expected["image_grid_thw"].tolist() == [[1, 4, 6]]
    torch.testing.assert_close(ours, torch.as_tensor(expected["pixel_values"]), rtol=0, atol=1e-5)
    pairs, grid = qwen3_vl.patches(FRAMES, 1, 10**9)
    assert grid.tolist() == [[2, 4, 6]]
    last = pairs[24:].view(24, 3, 2, 16, 16)
    torch.testing.assert_close(last[:, :, 0], last[:, :, 1])  # the third frame is repeated


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 480, 854), (8, 288, 320), (9, 1080, 1920), (16, 37, 53)])
def test_the_resized_frames_keep_to_the_bounds(frames: int, height: int, width: int) -> None:
    low, high = qwen3_vl.MIN_PIXELS, qwen3_vl.MAX_PIXELS
    rows, columns = qwen3_vl.resized_size(frames, height, width, low, high)
    assert rows % 32 == columns % 32 == 0
    assert low <= frames * rows * columns <= high * 1.2


def test_the_qwen_prompt_has_the_time_of_every_pair_of_frames() -> None:
    text = qwen3_vl.prompt_text(torch.tensor([[2, 2, 2]]), [0.0, 0.5, 1.0], "Why?")
    assert text == (
        "<|im_start|>user\n<0.2 seconds><|vision_start|><|video_pad|><|vision_end|>"
        "<1.0 seconds><|vision_start|><|video_pad|><|vision_end|>Why?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_the_smolvlm_prompt_has_every_frame_with_its_time() -> None:
    assert smolvlm.prompt_text(2, [0.0, 65.2], 70.0, "Why?") == (
        "<|im_start|>User: You are provided the following series of two frames from a 0:01:10 [H:MM:SS] video.\n"
        "\nFrame from 00:00:<fake_token_around_image><global-img><image><image><fake_token_around_image>"
        "\nFrame from 01:05:<fake_token_around_image><global-img><image><image><fake_token_around_image>"
        "\n\nWhy?<end_of_utterance>\nAssistant:"
    )


@pytest.mark.parametrize(("number", "words"), [(0, "zero"), (13, "thirteen"), (20, "twenty"), (64, "sixty-four")])
def test_numbers_in_words(number: int, words: str) -> None:
    assert smolvlm.number_words(number) == words


def test_a_number_beyond_the_words_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 0 to 99, got 100"):
        smolvlm.number_words(100)


@pytest.mark.parametrize("family", ["qwen3_vl", "smolvlm"])
@pytest.mark.parametrize("mark", ["overlay", "crop"])
def test_every_target_set_gets_one_sentence_that_depends_on_its_mark(video: Video, family, mark) -> None:
    tested = method(replace(OPTIONS, family=family, mark=mark))
    seen = []
    inputs = tested.model.inputs
    tested.model.inputs = lambda frames, *rest: seen.append(frames) or inputs(frames, *rest)
    targets = [target(video, 2), target(video, 38), TargetMasks("none", ((None,) * 4,))]
    sentences = [prediction.text for prediction in tested.predict(video, targets)]
    assert all(1 <= len(sentence.split()) <= 5 for sentence in sentences)
    assert not np.array_equal(seen[0], seen[1])
    if mark == "overlay":
        reds = [
            (frames[0] == np.rint(0.5 * video.frame(sample_frames(4, 3)[0]) + [127.5, 0, 0])).all(-1).mean()
            for frames in seen
        ]
        assert reds[0] == pytest.approx(25 * 20 / 2400, abs=0.02)
        assert reds[2] < 0.02
    again = [prediction.text for prediction in method(tested.options).predict(video, targets)]
    assert again == sentences


def test_closed_questions_are_answered_by_probabilities(video: Video) -> None:
    model = method().model
    inputs = model.inputs(FRAMES, [0.0, 1.0, 2.0], 3.0, "Is it a dog?")
    probabilities = model.preference(inputs, ["yes", "no"])
    logits = model.network(**inputs).logits[0, -1]
    expected = logits[[model.encode("yes")[0], model.encode("no")[0]]].softmax(-1)
    np.testing.assert_allclose(probabilities, expected.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("The dog runs. It stops.", "The dog runs."),
        ("A 2.5 m\nlong  car turns! Yes", "A 2.5 m long car turns!"),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_the_first_sentence_is_kept(answer: str, sentence: str) -> None:
    assert first_sentence(answer) == sentence


def test_only_target_masks_are_described(video: Video) -> None:
    with pytest.raises(TypeError, match="requires target masks, got TextPrompt"):
        next(method().predict(video, [TextPrompt("0", "a dog")]))


@pytest.mark.parametrize("family", ["qwen3_vl", "smolvlm"])
def test_weights_come_from_a_folder(tmp_path: Path, video: Video, family) -> None:
    torch.manual_seed(4)
    if family == "qwen3_vl":
        network = Qwen3VLForConditionalGeneration(qwen3_vl.qwen3_vl_config("mini"))
        special = qwen3_vl.SPECIAL_TOKENS
        ids = dict(zip(special, (1, 2, 3, 4, 5), strict=True))
    else:
        network = SmolVLMForConditionalGeneration(smolvlm.smolvlm_config("mini"))
        special = smolvlm.SPECIAL_TOKENS
        ids = dict(zip(special, (1, 2, 3, 4, 5), strict=True))
    network.generation_config.do_sample = True
    network.save_pretrained(tmp_path)
    vocabulary = {"[UNK]": 0, **ids, **{f"w{number}": number for number in range(6, 400)}}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.add_special_tokens([AddedToken(token, special=True) for token in special])
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(tmp_path)
    loaded = method(replace(OPTIONS, family=family), tmp_path)
    assert loaded.model.end == [2] if family == "qwen3_vl" else [2, 1]
    first, second = (next(loaded.predict(video, [target(video, 2)])).text for _ in range(2))
    assert first == second
    assert loaded.model.encode(f"{special[0]}w7") == [1, 7]


@pytest.mark.parametrize(("size", "billions"), [("2b", 2.13), ("4b", 4.44), ("8b", 8.77)])
def test_qwen_sizes_are_those_that_were_published(size: str, billions: float) -> None:
    with torch.device("meta"):
        network = Qwen3VLForConditionalGeneration(qwen3_vl.qwen3_vl_config(size))
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e9, 2) == billions


def test_the_small_model_has_the_published_size() -> None:
    with torch.device("meta"):
        network = SmolVLMForConditionalGeneration(smolvlm.smolvlm_config("500m"))
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6) == 507


def test_a_size_of_another_family_is_refused() -> None:
    with pytest.raises(ValueError, match="'size': smolvlm has no size 2b"):
        replace(OPTIONS, family="smolvlm", size="2b")


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_both_implementations_of_attention_give_the_same_logits(attention: Attention) -> None:
    tested = method(replace(OPTIONS, attention=attention)).model
    assert tested.network.config._attn_implementation == attention
    inputs = tested.inputs(FRAMES, [0.0, 0.5, 1.0], 1.5, "Why?")
    expected = method().model.network(**inputs).logits
    torch.testing.assert_close(tested.network(**inputs).logits, expected, rtol=1e-4, atol=1e-5)
