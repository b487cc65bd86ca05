"""The bundled splits have the documented contents and are reproduced by their generator."""

import json
from collections import Counter

import numpy as np
import pytest
import soundfile
from pycocotools import mask as coco

from mevis_bench.data.mevis.annotations import KINDS
from mevis_bench.data.mevis.validation import validate_split
from mevis_bench.data.registry import open_dataset, validate_dataset
from mevis_bench.data.synthetic import make_video
from mevis_bench.data.synthetic.expressions import CHANCES
from mevis_bench.data.synthetic.speech import RATE, VOICES
from mevis_bench.data.synthetic.world import WORLDS
from mevis_bench.records.dataset import Dataset

SEED = 0
"""They were made by:

mevis-bench data make-mini --split valid_u --videos 18 --seed 0 --speech all --out DIR
mevis-bench data make-mini --world 2 --split valid_u --videos 18 --seed 0 --speech one --out DIR
"""


@pytest.fixture(scope="module")
def mini() -> Dataset:
    return open_dataset(None, "valid_u")


@pytest.fixture(scope="module")
def mini2() -> Dataset:
    return open_dataset(None, "valid_u", "mini2")


def test_it_is_valid_and_large_enough() -> None:
    report = validate_split(None, "valid_u")
    assert report.errors == []
    assert report.videos >= 12
    assert report.expressions >= 120
    assert report.spoken == report.expressions
    assert report.single / report.expressions == pytest.approx(0.60, abs=0.05)
    assert report.multi / report.expressions == pytest.approx(0.25, abs=0.05)
    assert report.no_target / report.expressions >= 0.10


def test_it_is_small(mini: Dataset) -> None:
    assert sum(path.stat().st_size for path in mini.root.rglob("*") if path.is_file()) < 15_000_000


def test_mini2_is_valid_and_large_enough(mini2: Dataset) -> None:
    report = validate_dataset(None, "valid_u", "mini2")
    assert report.errors == []
    assert report.videos == 18
    assert report.spoken == report.expressions >= 200
    assert report.single / report.expressions == pytest.approx(0.57, abs=0.05)
    assert report.no_target / report.expressions == pytest.approx(0.18, abs=0.05)
    assert sum(path.stat().st_size for path in mini2.root.rglob("*") if path.is_file()) < 8_000_000
    kinds = Counter(e.kind for video_id in mini2.video_ids for e in mini2.expressions(video_id))
    assert set(kinds) == set(KINDS.values())
    assert kinds["sentence-noun"] >= 20
    assert kinds["sentence-number"] >= 10


def test_every_sentence_of_mini2_is_spoken_by_one_voice(mini2: Dataset) -> None:
    voices: Counter[str] = Counter()
    for video_id in mini2.video_ids:
        for expression in mini2.expressions(video_id):
            audio = mini2.audio(video_id, expression.id)
            assert audio is not None
            voices[audio.name.split(".")[1]] += 1
            assert 0.03 * len(expression.text) < soundfile.info(audio).duration < 0.12 * len(expression.text) + 1.2
    assert set(voices) == set(VOICES)


def test_it_has_order_pairs_and_reasoning(mini: Dataset) -> None:
    meta = json.loads((mini.root / "meta_expressions.json").read_text())["videos"]
    entries = [entry for video in meta.values() for entry in video["expressions"].values()]
    assert sum("order_pair" in entry for entry in entries) >= 16
    assert sum(entry["reasoning"] for entry in entries) >= 15


def test_the_kind_of_an_expression_is_that_of_its_form(mini: Dataset) -> None:
    meta = json.loads((mini.root / "meta_expressions.json").read_text())["videos"]
    kinds = {
        entry["form"]: {
            e.kind for v in meta for e in mini.expressions(v) if meta[v]["expressions"][e.id]["form"] == entry["form"]
        }
        for video in meta.values()
        for entry in video["expressions"].values()
    }
    assert kinds["whole"] == kinds["start"] == kinds["end"] == {"sentence-move"}
    assert kinds["order"] == {"sentence-order"}
    assert kinds["extreme"] == {"sentence-extreme"}
    assert all(len(values) == 1 and None not in values for values in kinds.values())


def test_every_form_that_the_generator_writes_has_a_kind() -> None:
    assert KINDS.keys() == {*CHANCES, "either", "count", "noun"}


@pytest.mark.parametrize("index", range(18))
@pytest.mark.parametrize("world", WORLDS)
def test_their_generator_reproduces_them(world: int, index: int) -> None:
    """Texts exactly; pixels and masks up to rounding of another Pillow build."""
    mini = open_dataset(None, "valid_u", WORLDS[world].data_set)
    made = make_video("valid_u", SEED, index, world=WORLDS[world])
    video_id = mini.video_ids[index]
    assert [expression.text for expression in mini.expressions(video_id)] == [
        sentence.text for sentence in made.sentences
    ]
    video = mini.video(video_id)
    assert len(video) == len(made.footage.frames)
    for t in (0, len(video) - 1):
        assert np.abs(video.frame(t).astype(int) - np.asarray(made.footage.frames[t])).mean() < 6
    for ground_truth, sentence in zip(mini.ground_truths(video_id), made.sentences, strict=True):
        assert len(ground_truth.objects) == len(sentence.targets)
        for i, masks in zip(sentence.targets, ground_truth.objects, strict=True):
            for t, mask in enumerate(masks):
                expected = made.footage.masks[t, i]
                found = np.zeros_like(expected) if mask is None else coco.decode(mask.to_coco()).astype(bool)
                assert np.sum(found ^ expected) <= 0.03 * expected.sum() + 2


def test_every_sentence_is_spoken_by_every_voice(mini: Dataset) -> None:
    named: Counter[str] = Counter()
    for video_id in mini.video_ids:
        for expression in mini.expressions(video_id):
            audio = mini.audio(video_id, expression.id)
            assert audio is not None
            named[audio.name.split(".")[1]] += 1
            for voice in VOICES:
                info = soundfile.info(audio.with_name(f"{expression.id}.{voice}.ogg"))
                assert (info.samplerate, info.channels) == (RATE, 1)
                letters = len(expression.text)
                assert 0.03 * letters < info.duration < 0.12 * letters + 1.2
    assert set(named) == set(VOICES)
    assert max(named.values()) - min(named.values()) <= 1


def test_its_speech_is_audible(mini: Dataset) -> None:
    audio = mini.audio(mini.video_ids[0], "0")
    assert audio is not None
    for voice in VOICES:
        samples, _ = soundfile.read(audio.with_name(f"0.{voice}.ogg"))
        assert 0.02 < np.sqrt(np.mean(samples**2)) < 0.5
        assert np.abs(samples).max() > 0.1
