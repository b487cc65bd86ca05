"""LMPM++ as a method, in small sizes: windows, both modalities, and its weights files."""

import msgspec
import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from baselines.layers.nn.imagebind_audio import ImageBindAudio
from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpmpp import method as paper_method
from baselines.lmpmpp.checkpoint import save_trained
from baselines.lmpmpp.config import TINY
from baselines.lmpmpp.method import load, load_paper
from baselines.lmpmpp.model import LMPMpp
from baselines.lmpmpp.options import Options
from baselines.lmpmpp.prompt import PromptTokens
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TargetMasks, TextPrompt, UsageError, Video

PROMPTS = (TextPrompt("0", "the ball that moves left"), TextPrompt("1", "the one that jumps"))


def make_config(weights=None, **changes):
    options = {"size": "tiny", "window": 200, "stride": 1, "precision": "float32", **changes}
    return MethodConfig("rvos", "paper", Options(**options), weights, "cpu", 0)


def method(weights=None, **changes):
    return load_paper(make_config(weights, **changes))


def video(folder, frames):
    rng = np.random.default_rng(0)
    names = tuple(f"{t:05d}" for t in range(frames))
    paths = tuple(folder / f"{name}.png" for name in names)
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(path)
    return Video("v", names, paths, 48, 64)


def test_masks_have_the_size_of_the_video_for_text_and_speech(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(9000), 16000)
    for prompt in (*PROMPTS, SpeechPrompt("2", tmp_path / "a.wav")):
        (prediction,) = method().predict(video(tmp_path, 3), [prompt])
        masks, objects = prediction.masks, prediction.objects
        assert masks.shape == (3, 48, 64)
        union = np.any(np.stack(objects), axis=0) if objects else np.zeros_like(masks)
        assert np.array_equal(union, masks)
        assert 0 <= prediction.target_score <= 1


def test_a_long_video_is_predicted_window_by_window(tmp_path):
    long_video = video(tmp_path, 7)
    windowed = method(window=3)
    for prompt, prediction in zip(PROMPTS, windowed.predict(long_video, PROMPTS), strict=True):
        assert prediction.objects is None
        scores = []
        for first in (0, 3, 6):
            part = Video(
                "v", long_video.frame_names[first : first + 3], long_video.frame_paths[first : first + 3], 48, 64
            )
            (alone,) = windowed.predict(part, [prompt])
            assert np.array_equal(alone.masks, prediction.masks[first : first + 3])
            scores.append(alone.target_score)
        assert prediction.target_score == pytest.approx(max(scores))


def test_half_precision_gives_a_similar_score(tmp_path):
    clip = video(tmp_path, 3)
    (full,), (half,) = (method(precision=p).predict(clip, PROMPTS[:1]) for p in ("float32", "bfloat16"))
    assert half.target_score == pytest.approx(full.target_score, abs=0.05)


def test_unsupported_prompts_are_refused(tmp_path):
    with pytest.raises(UsageError, match="lmpmpp does not support prompts of type TargetMasks"):
        list(method().predict(video(tmp_path, 1), [TargetMasks("0", ())]))


@pytest.mark.parametrize("change", [{"window": 0}, {"stride": 1.5}, {"precision": "int8"}])
def test_invalid_options_are_refused(change):
    with pytest.raises(msgspec.ValidationError, match=f"{next(iter(change))}"):
        msgspec.convert({"size": "paper", **change}, Options)


def llama_tokenizer(path, words):
    """Write a fake tokenizer: Llama's special tokens and digits, and a few words."""
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(path))
    return path


WORDS = ("<unk>", "<s>", "</s>", *"0123456789", "Can", "you", "track", "and", "segment", "in", "this", "video")


def test_the_prompt_is_tokenized_by_llama_s_tokenizer(tmp_path):
    prompt = PromptTokens.from_llama(llama_tokenizer(tmp_path / "t.json", WORDS), 32000, 9)
    assert prompt.instruction == (1, 13, 14, 15, 16, 17)
    assert prompt.question == (18, 19, 20, 0)
    assert prompt.numerals == tuple(range(3, 13))
    assert prompt.end == 2
    tags = {*prompt.opening.values(), *prompt.closing.values(), prompt.seg}
    assert tags == set(range(32000, 32005))
    with pytest.raises(DataError, match=r"o\.json: not Llama's tokenizer: missing token '6'"):
        PromptTokens.from_llama(llama_tokenizer(tmp_path / "o.json", WORDS[:9]), 32000, 9)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DataError, match=r"broken\.json: not a tokenizer file"):
        PromptTokens.from_llama(tmp_path / "broken.json", 32000, 9)


def test_a_trained_model_is_loaded_from_its_files(tmp_path, monkeypatch):
    torch.manual_seed(4)
    source = LMPMpp(TINY)
    llama = {f"model.{key}": value for key, value in source.language.llama.state_dict().items()}
    llama["lm_head.weight"] = source.language.llama_head.weight.detach().clone()
    save_file(llama, tmp_path / "llama.safetensors")
    source.language.add_adapters()
    save_trained(source, tmp_path / "model.safetensors", {})
    save_file(dict(build_roberta(TINY.text).state_dict()), tmp_path / "roberta.safetensors")
    save_file(dict(ImageBindAudio(TINY.audio).state_dict()), tmp_path / "imagebind.safetensors")
    monkeypatch.setattr(paper_method, "load_imagebind", lambda model, path: None)
    monkeypatch.setattr(paper_method, "open_tokenizer", lambda path, real=paper_method.open_tokenizer: real(None))
    files = {name: tmp_path / f"{name}.safetensors" for name in ("model", "llama", "roberta", "imagebind")}
    files["llama_tokenizer"] = llama_tokenizer(tmp_path / "llama.json", WORDS)
    files["roberta_tokenizer"] = tmp_path / "roberta.json"
    loaded = method(files)
    tensors = loaded.model.state_dict()
    assert all(torch.equal(tensors[name], value) for name, value in source.state_dict().items())
    (prediction,) = loaded.predict(video(tmp_path, 2), PROMPTS[:1])
    assert prediction.masks.shape == (2, 48, 64)


def test_the_size_option_selects_the_variant(monkeypatch):
    monkeypatch.setattr("baselines.lmpmpp.method.load_paper", lambda config: ("paper", config.options.window))
    assert load(make_config(size="paper")) == ("paper", 200)


@pytest.mark.parametrize(("numeral", "score"), [(0, 0.0), (1, 1.0)])
def test_the_target_score_is_the_probability_of_a_numeral_above_0(tmp_path, numeral, score):
    lmpmpp = method()
    language = lmpmpp.model.language
    head = language.head

    def certain_head(states):  # (1, D) or (2 + s, D); only the first state is followed by the numeral
        logits = head(states)
        logits[0, language.prompt.numerals[numeral]] = 50
        logits[1:, language.prompt.numerals[1 - numeral]] = 50
        return logits

    language.head = certain_head
    for prediction in lmpmpp.predict(video(tmp_path, 2), PROMPTS):
        assert prediction.target_score == pytest.approx(score, abs=1e-6)
        assert len(prediction.objects) == numeral
