import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from baselines.lmpmpp.extractor import FrameFeatures
from baselines.lmpmpp.mini.checkpoint import build_mini, load_mini, save_mini
from baselines.lmpmpp.mini.method import MiniMethod, load
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TargetMasks, TextPrompt, UsageError, Video

SENTENCES = ("the ball that moves left", "the one that jumps", "balls rolling to the right", "the first ball to stop")
PROMPTS = tuple(TextPrompt(str(i), text) for i, text in enumerate(SENTENCES))


def setup(weights=None, answers="language", shows="masks", task="rvos"):
    options = {"size": "mini", "answers": answers, "shows": shows}
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
    """Random weights, turned so that it sees objects and means some of them."""
    torch.manual_seed(5)
    tokenizer = WordTokenizer.from_sentences(SENTENCES)
    model = build_mini(len(tokenizer)).eval()
    with torch.no_grad():
        model.extractor.decoder.class_embed.bias.copy_(torch.tensor([4.0, 0.0]))
    return MiniMethod(model, tokenizer, "cpu")


def say(method, number):
    """Make the model's answer begin with one numeral, whatever it is asked."""
    prompt = method.model.language.language.prompt

    def numeral(question, most):
        return torch.full((len(question),), number).minimum(most)

    assert number < len(prompt.numerals)
    method.model.language.decode_counts = numeral


@pytest.fixture(autouse=True)
def free_answers(method):
    yield
    vars(method.model.language).pop("decode_counts", None)


@pytest.mark.parametrize(("frames", "height", "width"), [(1, 48, 64), (5, 37, 91), (16, 144, 256), (40, 60, 33)])
def test_predictions_have_the_size_of_the_video(method, tmp_path, frames, height, width):
    say(method, 2)
    answers = list(method.predict(video(tmp_path, frames, height, width), PROMPTS))
    assert len(answers) == len(PROMPTS)
    for answer in answers:
        assert answer.masks.shape == (frames, height, width)
        assert answer.masks.dtype == np.bool_
        assert len(answer.objects) <= 2
        union = np.zeros_like(answer.masks)
        for thing in answer.objects:
            union |= thing
        assert np.array_equal(union, answer.masks)
        assert 0 <= answer.target_score <= 1


def test_no_target_is_an_empty_prediction(method, tmp_path):
    say(method, 0)
    for answer in method.predict(video(tmp_path, 4, 40, 50), PROMPTS):
        assert answer.objects == ()
        assert not answer.masks.any()


def test_a_video_without_objects_has_no_target(tmp_path):
    method = load(setup())
    with torch.no_grad():
        method.model.extractor.decoder.class_embed.bias.copy_(torch.tensor([-9.0, 9.0]))
    (answer,) = method.predict(video(tmp_path, 3, 40, 50), PROMPTS[:1])
    assert not answer.masks.any()
    assert answer.target_score == 0


def test_asking_all_at_once_is_asking_one_by_one(method, tmp_path):
    clip = video(tmp_path, 6, 72, 128)
    together = list(method.predict(clip, PROMPTS))
    for prompt, expected in zip(PROMPTS, together, strict=True):
        (alone,) = method.predict(clip, [prompt])
        assert np.array_equal(alone.masks, expected.masks)
        assert len(alone.objects) == len(expected.objects)


def test_the_video_is_looked_at_once(method, tmp_path, monkeypatch):
    seen = []
    encode = method.model.extractor.encoder.forward

    def counting(frames) -> FrameFeatures:
        seen.append(len(frames))
        return encode(frames)

    monkeypatch.setattr(method.model.extractor.encoder, "forward", counting)
    list(method.predict(video(tmp_path, 20, 36, 64), PROMPTS * 5))
    assert seen == [8, 8, 4]


def test_untrained_weights_follow_from_the_seed():
    one, other = load(setup()).model.state_dict(), load(setup()).model.state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_weights_survive_writing_and_reading(method, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_mini(method.model, method.tokenizer, path, supports_speech=True, made_from={"seed": "1"})
    model, tokenizer = load_mini(path)
    assert tokenizer.words == method.tokenizer.words
    for name, value in method.model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name].float(), value.float(), rtol=1e-3, atol=1e-3)


def test_a_file_that_is_no_checkpoint_is_named(tmp_path):
    path = tmp_path / "mini.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(DataError, match=r"mini\.safetensors: weights can't be read"):
        load(setup(weights={"model": path}))


def test_weights_of_another_shape_are_named(method, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_mini(method.model, WordTokenizer(("a", "b")), path, supports_speech=True, made_from={"seed": "1"})
    with pytest.raises(DataError, match=r"weights don't fit the model: size mismatch for sentences\.embedding\.weight"):
        load(setup(weights={"model": path}))


def test_masks_are_refused_in_words(method, tmp_path):
    with pytest.raises(UsageError, match="lmpmpp can't be asked by TargetMasks"):
        list(method.predict(video(tmp_path, 1, 40, 50), [TargetMasks("0", ())]))


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Noise of several lengths stands for speech."""
    folder, rng = tmp_path_factory.mktemp("speech"), np.random.default_rng(1)
    prompts = []
    for index, samples in enumerate((100, 16000, 40000)):
        path = folder / f"{index}.wav"
        soundfile.write(path, 0.1 * rng.standard_normal(samples), 16000)
        prompts.append(SpeechPrompt(str(index), path))
    return prompts


def test_speech_is_answered_as_text_is(method, spoken, tmp_path):
    say(method, 2)
    clip = video(tmp_path, 6, 72, 128)
    together = list(method.predict(clip, spoken))
    assert all(0 < len(answer.objects) <= 2 for answer in together)
    for prompt, expected in zip(spoken, together, strict=True):
        (alone,) = method.predict(clip, [prompt])
        assert np.array_equal(alone.masks, expected.masks)


def test_what_is_asked_by_speech_stands_between_audio_tags(method, spoken, tmp_path, monkeypatch):
    language, told = method.model.language.language, []
    tokens = language.tokens

    def listening(numbers):
        told.extend(torch.as_tensor(numbers).flatten().tolist())
        return tokens(numbers)

    monkeypatch.setattr(language, "tokens", listening)
    tags = {kind: {language.prompt.opening[kind], language.prompt.closing[kind]} for kind in ("text", "audio")}
    list(method.predict(video(tmp_path, 2, 72, 128), spoken[:1]))
    assert tags["audio"] <= set(told)
    assert not tags["text"] & set(told)


def test_weights_that_never_heard_are_named(method, spoken, tmp_path):
    path = tmp_path / "mini.safetensors"
    save_mini(method.model, method.tokenizer, path, supports_speech=False, made_from={})
    with pytest.raises(DataError) as caught:
        load(setup(weights={"model": path}, task="avos"))
    assert str(caught.value) == (
        f"{path}: these weights were trained without speech\n"
        "Train on a split that speaks, or let it be written down: --bridge speech_to_text."
    )
    load(setup(weights={"model": path}))


def test_the_detection_head_gives_a_box_wherever_its_track_is_seen(method, tmp_path):
    say(method, 2)
    clip = video(tmp_path, 6, 40, 90)
    detecting = MiniMethod(method.model, method.tokenizer, "cpu", boxes=True)
    for masks, tracks in zip(method.predict(clip, PROMPTS), detecting.predict(clip, PROMPTS), strict=True):
        assert set(tracks.ids.tolist()) <= set(range(len(masks.objects)))
        assert len(set(zip(tracks.frames.tolist(), tracks.ids.tolist(), strict=True))) == len(tracks.frames) > 0
        assert (tracks.boxes >= 0).all()
        assert (tracks.boxes[:, 2:] > tracks.boxes[:, :2]).all()
        assert (tracks.boxes <= [90, 40, 90, 40]).all()
    say(method, 0)
    (nothing,) = detecting.predict(clip, PROMPTS[:1])
    assert nothing.boxes.shape == (0, 4)


def test_an_unknown_answerer_is_refused_in_words():
    with pytest.raises(UsageError, match=r"method\.answers: 'oracle' does not fit\nWanted: language or matcher"):
        load(setup(answers="oracle"))


def test_the_matcher_answers_with_the_tracks_above_its_threshold(method, tmp_path):
    clip = video(tmp_path, 6, 72, 128)
    matching = MiniMethod(method.model, method.tokenizer, "cpu", matching=True)
    with torch.no_grad():
        method.model.matcher.threshold.fill_(-1e6)
    for answer in matching.predict(clip, PROMPTS):
        assert 0 < len(answer.objects) <= 8
        assert answer.target_score == 1
    with torch.no_grad():
        method.model.matcher.threshold.fill_(1e6)
    for answer in matching.predict(clip, PROMPTS):
        assert answer.objects == ()
        assert answer.target_score == 0
