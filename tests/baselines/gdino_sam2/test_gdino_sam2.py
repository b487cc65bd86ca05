"""Grounding DINO with SAM 2: seed frames, thresholds, parity with transformers, weights from folders."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import GroundingDinoForObjectDetection, PreTrainedTokenizerFast
from transformers.models.grounding_dino.processing_grounding_dino import GroundingDinoProcessor
from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoModel

from baselines.gdino_sam2.detector import Boxes, detector_text, mini_config
from baselines.gdino_sam2.method import GroundingSam2, load, seed_frames
from baselines.gdino_sam2.options import Options
from baselines.layers.inference.mask_propagation import Seed, mini_sam2_config, open_sam2
from baselines.layers.nn.boxes import pairwise_iou
from mevis_bench.records import MethodConfig, SpeechPrompt, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(
    size="mini", phrase="sentence", seed_frame="best", frames=3, box_threshold=0.0, target_threshold=0.0,
    nms_threshold=1.0, max_objects=3, short=64, longest=96, precision="float32",
)  # fmt: skip
PROMPTS = [TextPrompt("0", "A dog that runs"), TextPrompt("1", "two birds.")]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=4, height=30, width=50)


def method(options: Options = OPTIONS) -> GroundingSam2:
    return load(MethodConfig("rvos", "tiny", options, None, "cpu", 0))


def test_boxes_are_those_of_transformers_post_processing(video: Video) -> None:
    detector = method(replace(OPTIONS, max_objects=100)).detector
    pixels = detector.pixels(video.frame(0))
    assert pixels.shape[-2:] == (58, 96)  # short side 64 would make the long one longer than 96
    found = detector.detect(pixels, "a dog", (30, 50))
    ids = torch.tensor([detector.tokenize("a dog.")])
    with torch.inference_mode():
        output = detector.network(
            pixels, ids, pixel_mask=torch.ones(1, 58, 96, dtype=torch.int64), attention_mask=torch.ones_like(ids)
        )
    processor = object.__new__(GroundingDinoProcessor)
    processor.batch_decode = lambda rows: rows
    expected = processor.post_process_grounded_object_detection(output, ids, 0.0, 0.25, [(30, 50)])[0]
    order = expected["scores"].argsort(descending=True, stable=True)
    np.testing.assert_allclose(found.scores, expected["scores"][order], rtol=1e-5)
    inside = torch.maximum(expected["boxes"][order], torch.zeros(1)).minimum(torch.tensor([50.0, 30, 50, 30]))
    np.testing.assert_allclose(found.boxes, inside, atol=1e-4)


@pytest.mark.parametrize(("text", "expected"), [("A Dog ", "a dog."), ("two birds.", "two birds.")])
def test_the_detector_reads_lower_case_and_a_full_stop(text: str, expected: str) -> None:
    assert detector_text(text) == expected


@pytest.mark.parametrize(
    ("seed_frame", "length", "expected"),
    [("first", 9, [0]), ("middle", 9, [4]), ("best", 9, [0, 4, 8]), ("best", 2, [0, 1]), ("best", 1, [0])],
)
def test_seed_frames(seed_frame, length: int, expected: list[int]) -> None:
    assert seed_frames(length, replace(OPTIONS, seed_frame=seed_frame)) == expected


def test_the_best_frame_seeds_the_objects(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    tested = method()
    scores = iter([0.3, 0.2, 0.9, 0.2, 0.9, 0.4])  # frame by frame, both sentences
    box = np.array([[5, 5, 20, 20]], np.float32)

    def detect(pixels, phrase, size):
        score = next(scores)
        return Boxes(box, (score,), score)

    monkeypatch.setattr(tested.detector, "detect", detect)
    seeds: list[Seed] = []
    propagate = tested.propagator.propagate
    monkeypatch.setattr(
        tested.propagator, "propagate", lambda video, given: seeds.extend(given) or propagate(video, given)
    )
    predictions = list(tested.predict(video, PROMPTS))
    assert [(seed.identity, seed.frame) for seed in seeds] == [(0, 2), (1, 3)]
    assert [prediction.target_score for prediction in predictions] == [0.9, 0.4]


def test_without_a_box_there_is_no_target(video: Video) -> None:
    for prediction in method(replace(OPTIONS, box_threshold=1.0)).predict(video, PROMPTS):
        assert not prediction.masks.any()
        assert prediction.objects == ()
        assert 0 < prediction.target_score < 1
    for prediction in method(replace(OPTIONS, target_threshold=1.0)).predict(video, PROMPTS):
        assert prediction.objects == ()
    assert list(method().predict(video, [])) == []


def test_only_sentences_are_read(video: Video) -> None:
    with pytest.raises(TypeError, match="Grounding DINO requires sentences, got SpeechPrompt"):
        next(method().predict(video, [SpeechPrompt("0", Path("a.wav"))]))


def test_weights_come_from_two_folders(tmp_path: Path, video: Video) -> None:
    detector, tracker = tmp_path / "detector", tmp_path / "tracker"
    torch.manual_seed(3)
    GroundingDinoForObjectDetection(mini_config()).save_pretrained(detector)
    Sam2VideoModel(mini_sam2_config()).save_pretrained(tracker)
    vocabulary = {"[CLS]": 101, "[SEP]": 102, ".": 1012, "a": 110, "dog": 120, "[UNK]": 100}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.normalizer, words.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 101), ("[SEP]", 102)]
    )
    PreTrainedTokenizerFast(tokenizer_object=words).save_pretrained(detector)
    loaded = load(MethodConfig("rvos", "tiny", OPTIONS, {"detector": detector, "tracker": tracker}, "cpu", 0))
    assert loaded.detector.tokenize("a dog.") == [101, 110, 120, 1012, 102]
    prediction = next(loaded.predict(video, PROMPTS))
    assert prediction.masks.shape == (4, 30, 50)
    long = " ".join(["dog"] * 200)
    assert next(loaded.predict(video, [TextPrompt("0", long)])).masks.shape == (4, 30, 50)


def test_seeds_are_followed_both_ways_and_alike_alone(video: Video) -> None:
    propagator = open_sam2(None, "mini", 5, "float32", "cpu")
    seeds = [
        Seed.of_box(0, 2, np.array([5, 5, 20, 20])),
        Seed.of_points(1, 1, np.array([[30.0, 10.0]])),
        Seed.of_points(1, 3, np.array([[31.0, 11.0], [33.0, 12.0]])),
    ]
    both = propagator.propagate(video, seeds)
    assert both.identities() == [0, 1]
    for identity in (0, 1):
        alone = propagator.propagate(video, [seed for seed in seeds if seed.identity == identity])
        np.testing.assert_array_equal(alone.of(identity), both.of(identity))
    assert propagator.propagate(video, []).identities() == []


def test_iou_of_boxes() -> None:
    boxes = torch.tensor([[0, 0, 2, 2], [1, 1, 3, 3], [5, 5, 5, 9]]).float()
    expected = torch.tensor([[1, 1 / 7, 0], [1 / 7, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(pairwise_iou(boxes), expected)
