"""VISA in a tiny size: published sizes, key names, prompt, and masks."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from baselines.visa.checkpoint import AUTO, IGNORED, load_network, our_key
from baselines.visa.config import SIZES
from baselines.visa.method import VisaMethod, abstained, load, longest_side, padded
from baselines.visa.model import Visa, upsample
from baselines.visa.options import Options
from baselines.visa.prompt import SEG, HashedWords, LlamaTokens, prompt_texts, reference_frames
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

CONFIG = SIZES["mini"]
OPTIONS = Options(size="mini", references=3, seed_at=None, precision="float32", placement="single")


@pytest.mark.parametrize(
    ("size", "language"),
    [("7b", 6738.4)],  # LLaMA's, with one word more; 13B is counted in tests/methods/test_sizes.py
)
def test_sizes_are_those_of_the_parts(size: str, language: float) -> None:
    with torch.device("meta"):
        network = Visa(SIZES[size])
    count = {name: sum(parameter.numel() for parameter in part.parameters()) for name, part in network.named_children()}
    millions = {name: round(number / 1e6, 1) for name, number in count.items()}
    # CLIP ViT-L/14 and SAM ViT-H are 303.2 M and 641.1 M, without SAM's unused prompts.
    assert (millions["language"], millions["vision_tower"], millions["segmenter"]) == (language, 303.2, 641.1)


@pytest.fixture(scope="module")
def keys() -> set[str]:
    """Our names of the 7B network."""
    with torch.device("meta"):
        return set(Visa().state_dict())


@pytest.mark.parametrize(
    ("authors", "ours"),
    [
        ("lm_head.weight", "language.lm_head.weight"),
        ("model.layers.3.self_attn.q_proj.weight", "language.model.layers.3.self_attn.q_proj.weight"),
        ("model.mm_projector.bias", "mm_projector.bias"),
        ("model.text_hidden_fcs.0.2.weight", "text_hidden_fcs.0.2.weight"),
        (
            "model.visual_model.image_encoder.patch_embed.proj.bias",
            "segmenter.vision_encoder.patch_embed.projection.bias",
        ),
        (
            "model.visual_model.image_encoder.blocks.7.norm1.weight",
            "segmenter.vision_encoder.layers.7.layer_norm1.weight",
        ),
        ("model.visual_model.image_encoder.neck.3.bias", "segmenter.vision_encoder.neck.layer_norm2.bias"),
        (
            "model.visual_model.mask_decoder.transformer.norm_final_attn.bias",
            "segmenter.mask_decoder.transformer.layer_norm_final_attn.bias",
        ),
        (
            "model.visual_model.mask_decoder.output_hypernetworks_mlps.2.layers.1.bias",
            "segmenter.mask_decoder.output_hypernetworks_mlps.2.layers.0.bias",
        ),
        (
            "model.visual_model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix",
            "segmenter.shared_image_embedding.positional_embedding",
        ),
    ],
)
def test_keys_of_the_authors_have_a_place(authors: str, ours: str, keys: set[str]) -> None:
    assert our_key(authors) == ours
    assert ours in keys


def test_prompts_of_points_are_dropped() -> None:
    assert IGNORED.fullmatch(our_key("model.visual_model.prompt_encoder.point_embeddings.0.weight"))
    assert IGNORED.fullmatch(our_key("model.vision_tower.vision_tower.vision_model.post_layernorm.bias"))
    assert not IGNORED.fullmatch(our_key("model.visual_model.prompt_encoder.no_mask_embed.weight"))


@pytest.fixture(scope="module")
def network() -> Visa:
    torch.manual_seed(0)
    return Visa(CONFIG).eval()


def authors_key(key: str) -> str:
    """A name of LISA's files for a key of `Visa` without CLIP."""
    if key.startswith("language."):
        return key.removeprefix("language.")
    if not key.startswith("segmenter."):
        return f"model.{key}"
    if key == "segmenter.shared_image_embedding.positional_embedding":
        return "model.visual_model.prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    if key.startswith("segmenter.no_mask_embed"):
        return key.replace("segmenter.", "model.visual_model.prompt_encoder.")
    for ours, theirs in (
        ("vision_encoder.layers", "image_encoder.blocks"), ("vision_encoder", "image_encoder"),
        ("neck.layer_norm1", "neck.1"), ("neck.layer_norm2", "neck.3"), ("neck.conv1", "neck.0"),
        ("neck.conv2", "neck.2"), ("upscale_layer_norm", "output_upscaling.1"), ("layer_norm", "norm"),
        ("norm_final", "norm_final"), ("projection", "proj"), ("upscale_conv1", "output_upscaling.0"),
        ("upscale_conv2", "output_upscaling.3"),
    ):  # fmt: skip
        key = key.replace(ours, theirs)
    if "mlps." in key or "iou_prediction_head" in key:
        key = key.replace("layers.0", "layers.1").replace("proj_in", "layers.0").replace("proj_out", "layers.2")
    return key.replace("segmenter.", "model.visual_model.")


@pytest.fixture(scope="module")
def folders(network: Visa, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders as they are published: two shards of VISA with a tokenizer, and CLIP."""
    folder, clip = tmp_path_factory.mktemp("VISA"), tmp_path_factory.mktemp("clip")
    tensors = {authors_key(key): value for key, value in network.state_dict().items() if "vision_tower" not in key}
    assert all(our_key(key) in network.state_dict() for key in tensors)
    tensors["model.visual_model.prompt_encoder.not_a_point_embed.weight"] = torch.zeros(1, 2)
    names = sorted(tensors)
    index = {name: f"model-{number % 2}.safetensors" for number, name in enumerate(names)}
    for file in set(index.values()):
        part = {name: tensors[name].clone() for name in names if index[name] == file}
        save_file(part, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    vision = {f"vision_model.{key}": value.clone() for key, value in network.vision_tower.state_dict().items()}
    save_file({**vision, "logit_scale": torch.ones(1)}, clip / "model.safetensors")
    words = {word: number for number, word in enumerate(["<unk>", "<s>", "</s>", SEG, "the", "bird"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", unk_token="<unk>").save_pretrained(folder)
    return {"model": folder, "clip": clip}


@torch.inference_mode()
@pytest.mark.parametrize("device", ["cpu", AUTO])
def test_shards_of_the_authors_give_the_same_network(network: Visa, folders: dict[str, Path], device: str) -> None:
    loaded = load_network(folders["model"], folders["clip"], CONFIG, dtype=torch.float32, device=device)
    frames, ids = torch.randn(2, 3, 28, 28), torch.tensor([1, 7, 9])
    outputs = []
    for each in (network, loaded):
        tokens = each.read_frames(frames)
        prompt = each.prompt([ids, tokens[0], ids, tokens[1]], torch.tensor([4, 5]))
        outputs.append(each.segmenter(each.segmenter.encode(torch.ones(1, 3, 64, 64)), prompt))
    torch.testing.assert_close(*outputs)
    assert outputs[0].shape == (16, 16)


def test_a_file_of_another_model_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(DataError, match=r"does not match this model: .* these keys are those of CLIP"):
        load_network(folders["clip"], folders["model"], CONFIG, dtype=torch.float32, device="cpu")


def test_tokenizer_needs_the_segmentation_token(folders: dict[str, Path], tmp_path: Path) -> None:
    tokens = LlamaTokens(folders["model"])
    assert (tokens.begin, tokens.ids("the bird")) == (1, [4, 5])
    with pytest.raises(DataError, match="cannot read tokenizer"):
        LlamaTokens(tmp_path)
    plain = Tokenizer(models.WordLevel({"<unk>": 0, "<s>": 1}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=plain, bos_token="<s>", unk_token="<unk>").save_pretrained(tmp_path)
    with pytest.raises(DataError, match=r"the tokenizer has no token \[SEG\]"):
        LlamaTokens(tmp_path)


@pytest.mark.parametrize(
    ("length", "target", "count", "expected"),
    [
        (10, 4, 5, [0, 2, 4, 6, 8]),
        (10, 7, 4, [1, 4, 7]),
        (3, 2, 11, [0, 1, 2]),
        (23, 22, 11, [1, 4, 7, 10, 13, 16, 19, 22]),
    ],
)
def test_references_contain_the_target(length: int, target: int, count: int, expected: list[int]) -> None:
    assert reference_frames(length, target, count) == expected


def test_the_question_stands_after_the_frames() -> None:
    first, second, target, after = prompt_texts("the bird", 2)
    assert first.endswith("USER: Reference Video: (0)")
    assert (second, target) == (", (1)", " Target Image: ")
    assert after == (
        "\nWhat is the bird in the Reference Video? Please respond with segmentation mask in the Target Image."
    )
    assert prompt_texts("Who wins?", 1)[-1].startswith("\nWho wins? Please respond")


@torch.inference_mode()
def test_prompts_depend_on_words_frames_and_their_order(network: Visa) -> None:
    ids, answer = torch.tensor([1, 7, 9]), torch.tensor([4])
    frames = network.read_frames(torch.randn(2, 3, 28, 28))
    assert frames.shape == (2, 14, 32)
    base = network.prompt([ids, frames[0], frames[1]], answer)
    for pieces, words in (
        ([ids, frames[1], frames[0]], answer),
        ([ids.flip(0), *frames], answer),
        ([ids, *frames], ids),
    ):
        assert not torch.allclose(network.prompt(pieces, words), base, atol=1e-5)


def test_preprocessing_is_sams() -> None:
    assert longest_side(100, 200, 64) == (32, 64)
    assert longest_side(300, 200, 64) == (64, 43)
    square = padded(np.full((10, 20, 3), 255, np.uint8), (32, 64), 64)
    assert square.shape == (1, 3, 64, 64)
    assert (square[0, :, 32:] == 0).all()
    assert square[0, 0, 0, 0].item() == pytest.approx((255 - 123.675) / 58.395)


def test_masks_are_cut_from_the_square() -> None:
    logits = torch.full((16, 16), -1.0)
    logits[:4, 8:] = 1  # the right half of the upper half of a frame of 32 x 64 in the square
    mask = upsample(logits, 64, (32, 64), (20, 40)) > 0
    assert mask.shape == (20, 40)
    assert mask[:9, 21:].all()
    assert not mask[11:].any()
    assert not mask[:, :19].any()


def test_an_empty_decisive_frame_empties_the_video() -> None:
    masks = np.zeros((4, 2, 2), bool)
    masks[2] = True
    assert abstained(masks, 0.5).sum() == 4
    assert abstained(masks, 0.0).sum() == 0
    assert abstained(masks, 1.0).sum() == 0
    assert abstained(masks, None).sum() == 4


def test_every_frame_has_a_mask_for_every_sentence(network: Visa, folders: dict[str, Path], tmp_path: Path) -> None:
    video = noise_video(tmp_path, 3, 40, 64)
    prompts = [TextPrompt("0", "the bird"), TextPrompt("1", "two dogs")]
    method = load(MethodConfig("rvos", "13b", OPTIONS, folders, "cpu", 0))
    together = list(method.predict(video, prompts))
    assert [prediction.masks.shape for prediction in together] == [(3, 40, 64)] * 2
    (alone,) = method.predict(video, prompts[:1])
    assert np.array_equal(alone.masks, together[0].masks)
    assert list(method.predict(video, [])) == []
    with pytest.raises(TypeError, match="VISA requires a text prompt, got SpeechPrompt"):
        next(
            VisaMethod(network, HashedWords(512), OPTIONS, "cpu").predict(
                video, [SpeechPrompt("0", tmp_path / "a.wav")]
            )
        )
