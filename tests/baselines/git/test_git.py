"""GIT: published sizes and key names, one sentence per target set, clear errors."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pycocotools import mask as coco
from transformers import GitConfig, GitForCausalLM

from baselines.git.method import Git
from baselines.git.network import IGNORED_KEYS, build, our_key
from baselines.layers.inference.caption_method import CaptionMethod
from baselines.layers.inference.caption_view import CaptionView, Highlight, Square
from baselines.layers.inputs.bert_vocabulary import BEGIN, END, NumberedWords, open_vocabulary
from mevis_bench.records import DataError, Rle, TargetMasks, TextPrompt, Video
from tests.fixtures.noise_video import noise_video


@pytest.mark.parametrize(("size", "millions"), [("base", 176.6), ("large", 394.2), ("mini", 0.5)])
def test_sizes_are_those_that_were_published(size: str, millions: float) -> None:
    with torch.device("meta"):
        network = build(size)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == millions
    names = set(network.state_dict())
    assert {our_key(f"git.img_temperal_embedding.{index}") for index in range(6)} <= names
    assert "git.image_encoder.vision_model.embeddings.class_embedding" in names
    assert not names & set(IGNORED_KEYS)


def tiny() -> GitForCausalLM:
    torch.manual_seed(0)
    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = GitConfig(
        vision_config=vision | {"image_size": 32, "patch_size": 16}, num_image_with_embedding=6, vocab_size=200,
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
    )  # fmt: skip
    return GitForCausalLM(config).eval()


def left_half(video: Video) -> TargetMasks:
    mask = np.zeros((video.height, video.width), np.uint8, order="F")
    mask[:, : video.width // 2] = 1
    return TargetMasks("0", ((Rle(*mask.shape, coco.encode(mask)["counts"]),) * len(video),))


def tiny_method(beams: int = 1) -> CaptionMethod:
    view = CaptionView(6, Square(32, "crop"))
    return CaptionMethod(
        "GIT", Git(tiny(), NumberedWords(), beams, max_new_tokens=5), view, Highlight((255, 0, 0), 0.5)
    )


@pytest.mark.parametrize("beams", [1, 2])
def test_every_target_set_gets_a_sentence_and_its_visible_fraction(tmp_path: Path, beams: int) -> None:
    video = noise_video(tmp_path, frames=3, height=32, width=64)
    no_target = TargetMasks("1", ((None,) * 3,))
    first, second = tiny_method(beams).predict(video, [left_half(video), no_target])
    assert 1 <= len(first.text.split()) <= 5
    assert first.target_kept == 0.5  # 16 of the left 32 columns are inside the middle 32
    assert second.target_kept is None


def test_special_tokens_are_not_words() -> None:
    assert NumberedWords().decode([BEGIN, 17, 4, END, 0]) == "word17 word4"
    assert NumberedWords().decode([BEGIN, END]) == ""


def test_git_describes_masks_only(tmp_path: Path) -> None:
    video = noise_video(tmp_path, frames=1, height=32, width=32)
    with pytest.raises(TypeError, match="GIT requires target masks, got TextPrompt"):
        next(tiny_method().predict(video, [TextPrompt("0", "a cat")]))


@pytest.mark.parametrize(
    "content", [None, "{}", '{"version":"1.0","model":{"type":"WordLevel","vocab":{"a":0},"unk_token":"a"}}']
)
def test_another_tokenizer_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(DataError, match=r"cannot read tokenizer|not BERT's tokenizer"):
        open_vocabulary(tmp_path / "tokenizer.json")
