"""VAST: frames, files, and one sentence per target set."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.inference.memory_reader import MemoryReader
from baselines.layers.inputs.bert_vocabulary import MASK, word_vocabulary
from baselines.vast.checkpoint import DROPPED, load_network, our_tensors
from baselines.vast.config import SIZES
from baselines.vast.method import load, sample_frames
from baselines.vast.model import Vast
from mevis_bench.methods.method_options import resolve_options, typed_options
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import DataError, MethodConfig, TargetMasks, TextPrompt
from tests.fixtures.noise_video import noise_video


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [
        (16, 8, [0, 2, 4, 6, 8, 10, 12, 14]),
        (10, 4, [1, 4, 6, 8]),  # pieces of 3, 3, 2, 2 frames
        (3, 5, [0, 1, 2, 2, 2]),
        (1, 2, [0, 0]),
    ],
)
def test_frames_are_middles_of_pieces(length: int, count: int, expected: list[int]) -> None:
    assert sample_frames(length, count) == expected


@pytest.fixture(scope="module")
def mini() -> Vast:
    torch.manual_seed(0)
    return Vast(SIZES["mini"]).eval()


def authors_file(network: Vast, path: Path) -> dict[str, torch.Tensor]:
    """Write a network under the names of the authors' older files, with entries that are dropped."""
    tensors = {}
    for key, value in network.state_dict().items():
        key = key.replace("embeddings.class_embedding", "visual.cls_token").replace("encoder.layers", "visual.blocks")
        key = key.replace("embeddings.position_embedding", "visual.pos_embed") if key.startswith("vision_enc") else key
        key = key.replace("embeddings.patch_embedding", "visual.patch_embed.proj").replace("layer_norm", "norm")
        key = key.replace("post_layernorm", "visual.norm").replace("self_attn", "attn").replace("projection", "proj")
        key = key.replace("vision_encoder", "clip_model").replace("vision_", "video_")
        if key.endswith("qkv.bias"):
            tensors[key.replace("qkv.bias", "q_bias")], _, tensors[key.replace("qkv.bias", "v_bias")] = value.chunk(3)
        else:
            tensors[key] = value
    tensors["contra_head_va.weight"] = tensors["audio_encoder.layer.0.weight"] = torch.zeros(2, 2)
    save_file({key: value.clone() for key, value in tensors.items()}, path)
    return tensors


@torch.inference_mode()
def test_an_older_file_gives_the_same_network(mini: Vast, tmp_path: Path) -> None:
    for layer in mini.vision_encoder.encoder.layers:
        layer.self_attn.qkv.bias.normal_()
        layer.self_attn.qkv.bias.view(3, -1)[1] = 0
    tensors = authors_file(mini, tmp_path / "old.safetensors")
    assert {key for key in tensors if DROPPED.fullmatch(key)} == {
        "contra_head_va.weight",
        "audio_encoder.layer.0.weight",
    }
    loaded = load_network(tmp_path / "old.safetensors", SIZES["mini"]).eval()
    frames, ids = torch.randn(1, 2, 3, 96, 96), torch.tensor([[101, 7, 103]])
    present = torch.ones_like(ids)
    video = loaded.encode(frames)
    assert video.shape == (1, 2 * 65, 128)
    torch.testing.assert_close(loaded(ids, present, video), mini(ids, present, mini.encode(frames)))
    head = loaded.multimodal_encoder.cls.predictions
    assert head.decoder.weight is loaded.multimodal_encoder.bert.embeddings.word_embeddings.weight
    assert head.decoder.bias is head.bias


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    save_file({"visual1.pooler.dense.bias": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match=r"does not match this model: \d+ missing: .*1 unexpected: visual1"):
        load_network(tmp_path / "other.safetensors", SIZES["mini"])
    assert our_tensors({"vision_encoder.visual.blocks.0.attn.q_bias": torch.zeros(3)}).keys() == {
        "vision_encoder.visual.blocks.0.attn.q_bias"
    }


@torch.inference_mode()
def test_embeddings_of_other_numbers_of_frames_are_the_nearest(mini: Vast) -> None:
    frames = torch.randn(1, 1, 3, 96, 96)
    sixteen = mini.encode(frames.expand(-1, 16, -1, -1, -1)).unflatten(1, (16, 65))
    eight = mini.encode(frames.expand(-1, 8, -1, -1, -1)).unflatten(1, (8, 65))
    torch.testing.assert_close(sixteen, eight.repeat_interleave(2, dim=1))


@torch.inference_mode()
def test_later_words_and_padding_change_no_prediction(mini: Vast) -> None:
    video = mini.encode(torch.randn(1, 2, 3, 96, 96))
    short, long = torch.tensor([[101, 7, 103]]), torch.tensor([[101, 7, 103, 9, 0]])
    first = mini(short, torch.ones_like(short), video)
    torch.testing.assert_close(mini(long, long > 0, video)[:, :3], first, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        MemoryReader(mini.multimodal_encoder, video).last_logits(short), first[:, -1], rtol=1e-4, atol=1e-5
    )


def test_weights_and_vocabulary_give_words(mini: Vast, tmp_path: Path) -> None:
    resolved = find_methods().resolve("vast", "scratch")
    options = typed_options(resolved, resolve_options(resolved, {"frames": 2, "max_new_tokens": 3}))
    tensors = {key: value.clone() for key, value in mini.state_dict().items()}
    for key in ("bias", "decoder.bias"):
        tensors[f"multimodal_encoder.cls.predictions.{key}"][MASK + 1 : MASK + 4] += 100  # the three words
    save_file(tensors, tmp_path / "model.safetensors")
    word_vocabulary(["the bird flies"], 1024).save(str(tmp_path / "words.json"))
    files = {"model": tmp_path / "model.safetensors", "vocabulary": tmp_path / "words.json"}
    method = load(MethodConfig("rmeg", "scratch", options, files, "cpu", 0))
    video = noise_video(tmp_path, frames=2, height=32, width=32)
    (prediction,) = method.predict(video, [TargetMasks("0", ((None,) * 2,))])
    assert len(prediction.text.split()) == 3
    assert set(prediction.text.split()) <= {"the", "bird", "flies"}
    with pytest.raises(TypeError, match="VAST requires target masks, got TextPrompt"):
        next(method.predict(video, [TextPrompt("0", "a cat")]))
