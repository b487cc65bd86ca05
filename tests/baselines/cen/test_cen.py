"""CEN: frames, files, and one sentence per target set."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from baselines.cen.checkpoint import load_captioner, our_tensors
from baselines.cen.config import SIZES
from baselines.cen.method import load, sample_frames
from baselines.cen.model import CenCaptioner
from baselines.layers.inputs.bert_vocabulary import MASK, word_vocabulary
from mevis_bench.methods.method_options import resolve_options, typed_options
from mevis_bench.methods.registry import find_methods
from mevis_bench.records import DataError, MethodConfig, TargetMasks, TextPrompt
from tests.fixtures.noise_video import noise_video


@pytest.mark.parametrize(
    ("length", "count", "expected"),
    [(3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (10, 4, [0, 3, 6, 9]), (9, 4, [0, 2, 5, 8])],
)
def test_frames_are_at_equal_distances(length: int, count: int, expected: list[int]) -> None:
    assert sample_frames(length, count) == expected


@pytest.fixture(scope="module")
def mini() -> CenCaptioner:
    torch.manual_seed(0)
    return CenCaptioner(SIZES["mini"]).eval()


def saved(tensors: dict[str, torch.Tensor], path: Path) -> Path:
    save_file({key: value.clone().contiguous() for key, value in tensors.items()}, path)
    return path


def authors_key(key: str) -> str:
    """The authors' name of a key of `Cen`."""
    key = key.replace("decoder.cls", "decoder.classifier.cls").replace("decoder.bert.embeddings", "decoder.embeddings")
    key = key.replace("decoder.bert.encoder", "decoder.decoder")
    if key.startswith("decoder."):
        key = key.replace("crossattention.self", "enc_attn.att").replace("crossattention", "enc_attn")
        key = key.replace("attention.self", "slf_attn.att").replace("attention", "slf_attn")
    return key


@torch.inference_mode()
def test_the_authors_file_and_clip_s_give_the_same_network(mini: CenCaptioner, tmp_path: Path) -> None:
    tensors = {authors_key(key): value for key, value in mini.cen.state_dict().items()}
    del tensors["decoder.classifier.cls.predictions.decoder.bias"]
    unused = {name: torch.zeros(2) for name in ("visual1.pooler.dense.bias", "cross_attention_2.in_proj_bias")}
    model = saved({**tensors, **unused}, tmp_path / "cen.safetensors")
    text = {"text_model.final_layer_norm.bias": torch.zeros(2), "logit_scale": torch.ones(1)}
    clip = saved({**mini.frame_encoder.state_dict(), **text}, tmp_path / "clip.safetensors")
    frames, ids = torch.randn(1, 2, 3, 96, 96), torch.tensor([[101, 7, 9]])
    loaded = load_captioner(model, clip, SIZES["mini"]).eval()
    memory = loaded.encode(frames)
    assert memory.shape == (1, 4, 128)
    expected = mini.cen(ids, torch.ones_like(ids), mini.encode(frames))
    torch.testing.assert_close(loaded.cen(ids, torch.ones_like(ids), memory), expected)
    ours = load_captioner(saved(mini.state_dict(), tmp_path / "ours.safetensors"), None, SIZES["mini"]).eval()
    torch.testing.assert_close(ours.cen(ids, torch.ones_like(ids), ours.encode(frames)), expected)
    head = loaded.cen.decoder.cls.predictions
    assert head.decoder.weight is loaded.cen.decoder.bert.embeddings.word_embeddings.weight
    with pytest.raises(DataError, match=r"clip.safetensors: the file does not match this model"):
        load_captioner(clip, clip, SIZES["mini"])


def test_keys_of_other_models_are_kept_and_unexpected() -> None:
    assert our_tensors({"decoder.spa_tower.0.weight": torch.zeros(1)}).keys() == {"decoder.spa_tower.0.weight"}


@torch.inference_mode()
def test_padding_and_later_words_change_nothing(mini: CenCaptioner) -> None:
    vectors = torch.randn(1, 3, 96)
    alone = mini.cen.encode(vectors[:, :2], vectors)
    masks = torch.tensor([[1, 1, 0]]), torch.tensor([[1, 1, 1]])
    padded = mini.cen.encode(vectors, vectors, masks)
    torch.testing.assert_close(padded[:, [0, 1, 3, 4, 5]], alone, rtol=1e-4, atol=1e-5)
    ids, longer = torch.tensor([[101, 7]]), torch.tensor([[101, 7, 9, 0]])
    expected = mini.cen(ids, torch.ones_like(ids), alone)
    found = mini.cen(longer, longer > 0, padded, torch.cat(masks, 1))
    torch.testing.assert_close(found[:, :2], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length_penalty", [None, 0.6])
def test_weights_and_vocabulary_give_words(mini: CenCaptioner, tmp_path: Path, length_penalty: float | None) -> None:
    resolved = find_methods().resolve("cen", "scratch")
    changes = {"frames": 2, "max_new_tokens": 3, "length_penalty": length_penalty}
    options = typed_options(resolved, resolve_options(resolved, changes))
    tensors = {key: value.clone() for key, value in mini.state_dict().items()}
    for key in ("bias", "decoder.bias"):
        tensors[f"cen.decoder.cls.predictions.{key}"][MASK + 1 : MASK + 4] += 100  # the three words
    model = saved(tensors, tmp_path / "model.safetensors")
    word_vocabulary(["the bird flies"], 1024).save(str(tmp_path / "words.json"))
    files = {"model": model, "vocabulary": tmp_path / "words.json"}
    method = load(MethodConfig("rmeg", "scratch", options, files, "cpu", 0))
    video = noise_video(tmp_path, frames=2, height=32, width=32)
    (prediction,) = method.predict(video, [TargetMasks("0", ((None,) * 2,))])
    assert len(prediction.text.split()) == 3
    assert set(prediction.text.split()) <= {"the", "bird", "flies"}
    with pytest.raises(TypeError, match="CEN requires target masks, got TextPrompt"):
        next(method.predict(video, [TextPrompt("0", "a cat")]))
