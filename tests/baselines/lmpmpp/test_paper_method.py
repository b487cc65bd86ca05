"""The paper variant behind ``predict``, in small: windows, both modalities, and the files it asks for."""

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import WordLevel

from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpmpp import method as paper_method
from baselines.lmpmpp.checkpoint import save_trained
from baselines.lmpmpp.language_model import PromptTokens
from baselines.lmpmpp.method import load, load_paper
from baselines.lmpmpp.model import LMPMpp
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TargetMasks, TextPrompt, UsageError, Video
from tests.baselines.lmpmpp.small_paper import ROBERTA, SMALL, small_encoders

PROMPTS = (TextPrompt("0", "the ball that moves left"), TextPrompt("1", "the one that jumps"))


def setup(weights=None, **changes):
    options = {"size": "paper", "window": 200, "stride": 1, "precision": "float32", **changes}
    return MethodConfig("rvos", "paper", options, weights, "cpu", 0)


@pytest.fixture
def method(monkeypatch):
    small_encoders(monkeypatch)

    def loaded(weights=None, **changes):
        return load_paper(setup(weights, **changes), SMALL)

    return loaded


def video(folder, frames):
    rng = np.random.default_rng(0)
    names = tuple(f"{t:05d}" for t in range(frames))
    paths = tuple(folder / f"{name}.png" for name in names)
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(path)
    return Video("v", names, paths, 48, 64)


def test_text_and_speech_are_answered_with_masks_of_the_video_s_size(method, tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(9000), 16000)
    for prompt in (*PROMPTS, SpeechPrompt("2", tmp_path / "a.wav")):
        (answer,) = method().predict(video(tmp_path, 3), [prompt])
        assert answer.masks.shape == (3, 48, 64)
        union = np.any(np.stack(answer.objects), axis=0) if answer.objects else np.zeros_like(answer.masks)
        assert np.array_equal(union, answer.masks)
        assert 0 <= answer.target_score <= 1


def test_a_long_video_is_answered_window_by_window(method, tmp_path):
    whole = video(tmp_path, 7)
    windowed = method(window=3)
    for prompt, answer in zip(PROMPTS, windowed.predict(whole, PROMPTS), strict=True):
        assert answer.objects is None
        scores = []
        for first in (0, 3, 6):
            part = Video("v", whole.frame_names[first : first + 3], whole.frame_paths[first : first + 3], 48, 64)
            (alone,) = windowed.predict(part, [prompt])
            assert np.array_equal(alone.masks, answer.masks[first : first + 3])
            scores.append(alone.target_score)
        assert answer.target_score == pytest.approx(max(scores))


def test_half_precision_answers_much_the_same(method, tmp_path):
    clip = video(tmp_path, 3)
    (full,), (half,) = (method(precision=p).predict(clip, PROMPTS[:1]) for p in ("float32", "bfloat16"))
    assert half.target_score == pytest.approx(full.target_score, abs=0.05)


def test_other_prompts_and_options_are_refused_in_words(method, tmp_path):
    with pytest.raises(UsageError, match="lmpmpp can't be asked by TargetMasks"):
        list(method().predict(video(tmp_path, 1), [TargetMasks("0", ())]))
    for change, text in (
        ({"window": 0}, "window: 0"),
        ({"stride": 1.5}, "stride: 1.5"),
        ({"precision": "int8"}, "int8"),
    ):
        with pytest.raises(UsageError, match=text):
            method(**change)


def llama_tokenizer(path, words):
    """A fake one: Llama's special tokens and digits, a few words."""
    vocabulary = {word: index for index, word in enumerate(words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(path))
    return path


WORDS = ("<unk>", "<s>", "</s>", *"0123456789", "Can", "you", "track", "and", "segment", "in", "this", "video")


def test_the_prompt_is_numbered_by_llama_s_own_tokenizer(tmp_path):
    prompt = PromptTokens.of_llama(llama_tokenizer(tmp_path / "t.json", WORDS), 32000, 9)
    assert prompt.instruction == (1, 13, 14, 15, 16, 17)
    assert prompt.question == (18, 19, 20, 0)
    assert prompt.numerals == tuple(range(3, 13))
    assert prompt.end == 2
    tags = {*prompt.opening.values(), *prompt.closing.values(), prompt.seg}
    assert tags == set(range(32000, 32005))
    with pytest.raises(DataError, match="not Llama's tokenizer: it lacks <s>, </s> or a digit"):
        PromptTokens.of_llama(llama_tokenizer(tmp_path / "o.json", WORDS[:9]), 32000, 9)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(DataError, match=r"broken\.json: not a tokenizer file"):
        PromptTokens.of_llama(tmp_path / "broken.json", 32000, 9)


def test_a_trained_model_is_put_together_from_its_files(method, tmp_path, monkeypatch):
    torch.manual_seed(4)
    source = LMPMpp(SMALL)
    llama = {f"model.{key}": value for key, value in source.language.llama.state_dict().items()}
    llama["lm_head.weight"] = source.language.llama_head.weight.detach().clone()
    save_file(llama, tmp_path / "llama.safetensors")
    source.language.add_adapters()
    save_trained(source, tmp_path / "model.safetensors", {})
    save_file(dict(build_roberta(ROBERTA).state_dict()), tmp_path / "roberta.safetensors")
    fake = paper_method.ImageBindAudio()
    save_file(dict(fake.state_dict()), tmp_path / "imagebind.safetensors")
    monkeypatch.setattr(paper_method, "load_imagebind", lambda model, path: None)
    monkeypatch.setattr(paper_method, "open_tokenizer", lambda path, real=paper_method.open_tokenizer: real(None))
    words = (*WORDS[:2], *WORDS[2:])
    files = {name: tmp_path / f"{name}.safetensors" for name in ("model", "llama", "roberta", "imagebind")}
    files["llama_tokenizer"] = llama_tokenizer(tmp_path / "llama.json", words)
    files["roberta_tokenizer"] = tmp_path / "roberta.json"
    loaded = method(files)
    ours, theirs = loaded.model.state_dict(), source.state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    (answer,) = loaded.predict(video(tmp_path, 2), PROMPTS[:1])
    assert answer.masks.shape == (2, 48, 64)


def test_the_variant_is_chosen_by_its_size(monkeypatch):
    monkeypatch.setattr("baselines.lmpmpp.method.load_paper", lambda config: ("paper", config.options["window"]))
    assert load(setup()) == ("paper", 200)
