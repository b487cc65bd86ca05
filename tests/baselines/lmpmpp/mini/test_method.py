import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from baselines.lmpmpp.extractor import FrameFeatures
from baselines.lmpmpp.mini.checkpoint import load_mini, save_mini
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.method import MiniMethod, load
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from baselines.lmpmpp.options import Options
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TargetMasks, TextPrompt, UsageError, Video

SENTENCES = ("the ball that moves left", "the one that jumps", "balls rolling to the right", "the first ball to stop")
PROMPTS = tuple(TextPrompt(str(i), text) for i, text in enumerate(SENTENCES))


def make_config(weights=None, selection="language", output="masks", task="rvos"):
    options = Options(size="mini", selection=selection, output=output)
    return MethodConfig(task=task, variant="mini", options=options, weights=weights, device="cpu", seed=0)


def video(folder, frames, height, width):
    rng = np.random.default_rng(0)
    names = tuple(f"{t:05d}" for t in range(frames))
    paths = tuple(folder / f"{name}.png" for name in names)
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return Video("v", names, paths, height, width)


@pytest.fixture(scope="module")
def method():
    """Random weights, biased to detect objects."""
    torch.manual_seed(5)
    tokenizer = WordTokenizer.from_sentences(SENTENCES)
    model = MiniLMPMpp(MINI, len(tokenizer)).eval()
    with torch.no_grad():
        model.extractor.decoder.class_embed.bias.copy_(torch.tensor([4.0, 0.0]))
    return MiniMethod(model, tokenizer, "cpu")


def force_num_objects(method, number):
    """Decode N_o = ``number`` for every prompt, at most the number of tracks."""

    def decode(prompt_state, max_objects):
        return torch.full((len(prompt_state),), number).minimum(max_objects)

    assert number < len(method.model.language.language.prompt.numerals)
    method.model.language.decode_num_objects = decode


@pytest.fixture(autouse=True)
def free_num_objects(method):
    yield
    vars(method.model.language).pop("decode_num_objects", None)


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 48, 64), (5, 37, 91), (16, 144, 256), (40, 60, 33)])
def test_predictions_have_the_size_of_the_video(method, tmp_path, frames, height, width):
    force_num_objects(method, 2)
    predictions = list(method.predict(video(tmp_path, frames, height, width), PROMPTS))
    assert len(predictions) == len(PROMPTS)
    for prediction in predictions:
        assert prediction.masks.shape == (frames, height, width)
        assert prediction.masks.dtype == np.bool_
        assert len(prediction.objects) <= 2
        union = np.zeros_like(prediction.masks)
        for mask in prediction.objects:
            union |= mask
        assert np.array_equal(union, prediction.masks)
        assert 0 <= prediction.target_score <= 1


def test_no_target_is_an_empty_prediction(method, tmp_path):
    force_num_objects(method, 0)
    for prediction in method.predict(video(tmp_path, 4, 40, 50), PROMPTS):
        assert prediction.objects == ()
        assert not prediction.masks.any()


def test_a_video_without_objects_has_no_target(tmp_path):
    method = load(make_config())
    with torch.no_grad():
        method.model.extractor.decoder.class_embed.bias.copy_(torch.tensor([-9.0, 9.0]))
    (prediction,) = method.predict(video(tmp_path, 3, 40, 50), PROMPTS[:1])
    assert not prediction.masks.any()
    assert prediction.target_score == 0


def test_prompts_together_equal_prompts_one_by_one(method, tmp_path):
    clip = video(tmp_path, 6, 72, 128)
    together = list(method.predict(clip, PROMPTS))
    for prompt, expected in zip(PROMPTS, together, strict=True):
        (alone,) = method.predict(clip, [prompt])
        assert np.array_equal(alone.masks, expected.masks)
        assert len(alone.objects) == len(expected.objects)


def test_the_video_is_encoded_once(method, tmp_path, monkeypatch):
    seen = []
    encode = method.model.extractor.encoder.forward

    def counting(frames) -> FrameFeatures:
        seen.append(len(frames))
        return encode(frames)

    monkeypatch.setattr(method.model.extractor.encoder, "forward", counting)
    list(method.predict(video(tmp_path, 20, 36, 64), PROMPTS * 5))
    assert seen == [8, 8, 4]


def test_random_weights_follow_from_the_seed():
    first, second = load(make_config()).model.state_dict(), load(make_config()).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_weights_are_saved_and_loaded(method, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_mini(method.model, method.tokenizer, path, {"seed": "1"})
    model, tokenizer = load_mini(path)
    assert tokenizer.words == method.tokenizer.words
    for name, value in method.model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name].float(), value.float(), rtol=1e-3, atol=1e-3)


def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path):
    path = tmp_path / "mini.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"mini\.safetensors: cannot read weights"):
        load(make_config(weights={"model": path}))


def test_weights_of_another_shape_are_refused(method, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_mini(method.model, WordTokenizer(("a", "b")), path, {"seed": "1"})
    with pytest.raises(
        DataError, match=r"weights do not fit the model: size mismatch for sentences\.embedding\.weight"
    ):
        load(make_config(weights={"model": path}))


def test_unsupported_prompts_are_refused(method, tmp_path):
    with pytest.raises(UsageError, match="lmpmpp does not support prompts of type TargetMasks"):
        list(method.predict(video(tmp_path, 1, 40, 50), [TargetMasks("0", ())]))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Fake speech: noise of several lengths."""
    folder, rng = tmp_path_factory.mktemp("speech"), np.random.default_rng(1)
    prompts = []
    for index, samples in enumerate((100, 16000, 40000)):
        path = folder / f"{index}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(samples), 16000)
        prompts.append(SpeechPrompt(str(index), path))
    return prompts


def test_speech_prompts_together_equal_one_by_one(method, spoken, tmp_path):
    force_num_objects(method, 2)
    clip = video(tmp_path, 6, 72, 128)
    together = list(method.predict(clip, spoken))
    assert all(0 < len(prediction.objects) <= 2 for prediction in together)
    for prompt, expected in zip(spoken, together, strict=True):
        (alone,) = method.predict(clip, [prompt])
        assert np.array_equal(alone.masks, expected.masks)


def test_speech_is_between_audio_tags(method, spoken, tmp_path, monkeypatch):
    language, ids = method.model.language.language, []
    embed_tokens = language.embed_tokens

    def record(token_ids):
        ids.extend(torch.as_tensor(token_ids).flatten().tolist())
        return embed_tokens(token_ids)

    monkeypatch.setattr(language, "embed_tokens", record)
    tags = {kind: {language.prompt.opening[kind], language.prompt.closing[kind]} for kind in ("text", "audio")}
    list(method.predict(video(tmp_path, 2, 72, 128), spoken[:1]))
    assert tags["audio"] <= set(ids)
    assert not tags["text"] & set(ids)


def test_weights_without_speech_are_refused_for_avos(method, tmp_path, monkeypatch):
    path = tmp_path / "mini.safetensors"
    monkeypatch.setattr(method.model, "supports_speech", False)
    save_mini(method.model, method.tokenizer, path, {})
    with pytest.raises(DataError) as caught:
        load(make_config(weights={"model": path}, task="avos"))
    assert str(caught.value) == (
        f"{path}: these weights were trained without speech\n"
        "Train on a split with speech, or transcribe the speech: --bridge speech_to_text."
    )
    load(make_config(weights={"model": path}))


def test_the_detection_head_predicts_a_box_in_every_frame_of_a_track(method, tmp_path):
    force_num_objects(method, 2)
    clip = video(tmp_path, 6, 40, 90)
    detecting = MiniMethod(method.model, method.tokenizer, "cpu", boxes=True)
    for masks, tracks in zip(method.predict(clip, PROMPTS), detecting.predict(clip, PROMPTS), strict=True):
        assert set(tracks.ids.tolist()) <= set(range(len(masks.objects)))
        assert len(set(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True))) == len(tracks.frames) > 0
        assert (tracks.boxes >= 0).all()
        assert (tracks.boxes[:, 2:] > tracks.boxes[:, :2]).all()
        assert (tracks.boxes <= [90, 40, 90, 40]).all()
    force_num_objects(method, 0)
    (empty,) = detecting.predict(clip, PROMPTS[:1])
    assert empty.boxes.shape == (0, 4)


def test_the_matcher_selects_the_tracks_above_its_threshold(method, tmp_path):
    clip = video(tmp_path, 6, 72, 128)
    matching = MiniMethod(method.model, method.tokenizer, "cpu", matcher=True)
    with torch.no_grad():
        method.model.matcher.threshold.fill_(-1e6)
    for prediction in matching.predict(clip, PROMPTS):
        assert 0 < len(prediction.objects) <= 8
        assert prediction.target_score == 1
    with torch.no_grad():
        method.model.matcher.threshold.fill_(1e6)
    for prediction in matching.predict(clip, PROMPTS):
        assert prediction.objects == ()
        assert prediction.target_score == 0


@pytest.mark.parametrize(("numeral", "score"), [(0, 0.0), (1, 1.0)])
def test_the_target_score_is_the_probability_of_a_numeral_above_0(method, tmp_path, monkeypatch, numeral, score):
    language = method.model.language.language
    head = language.head

    def certain_head(states):  # (n, D), or (n, 2 + s, D), where only the first state is followed by the numeral
        logits = head(states)
        after_prompt = logits[:, :1] if logits.dim() == 3 else logits[:, None]
        after_prompt[..., language.prompt.numerals[numeral]] = 50
        if logits.dim() == 3:
            logits[:, 1:, language.prompt.numerals[1 - numeral]] = 50
        return logits

    monkeypatch.setattr(language, "head", certain_head)
    for prediction in method.predict(video(tmp_path, 3, 72, 128), PROMPTS):
        assert prediction.target_score == pytest.approx(score, abs=1e-6)
        assert len(prediction.objects) == numeral
