"""SAM 3: the same masks as transformers' loop and processor, frames encoded once, weights from a folder."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoInferenceSession

from baselines.layers.inference.frame_tensors import FrameTensors
from baselines.layers.inference.sam3_network import Operations, build, mini_config
from baselines.layers.inference.sam3_tracking import HALF
from baselines.sam3_video.method import Sam3Video, load
from baselines.sam3_video.options import Options
from mevis_bench.records import MethodConfig, SpeechPrompt, TextPrompt, Video
from tests.fixtures.noise_video import noise_video

OPTIONS = Options(
    size="mini", phrase="sentence", detection_threshold=0.0, new_object_threshold=0.0, target_threshold=0.0,
    max_objects=4, sentences=2, offload=False, precision="float32",
)  # fmt: skip
PROMPTS = [TextPrompt(str(number), text) for number, text in enumerate(["a dog runs", "two birds", "the last car"])]


def method(options: Options = OPTIONS, weights: Path | None = None) -> Sam3Video:
    files = None if weights is None else {"model": weights}
    loaded = load(MethodConfig("rvos", "sentence", options, files, "cpu", 0))
    network = loaded.network
    network.hotstart_delay, network.hotstart_unmatch_thresh, network.hotstart_dup_thresh = 3, 2, 2
    return loaded


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return noise_video(tmp_path_factory.mktemp("video"), frames=5, height=30, width=50)


def boxes(masks: torch.Tensor) -> torch.Tensor:
    """In place of torchvision's, whose result is not looked at."""
    return torch.zeros(len(masks), 4)


@torch.inference_mode()
def test_masks_are_those_of_transformers_own_loop_and_processor(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    processing = importlib.import_module("transformers.models.sam3_video.processing_sam3_video")
    monkeypatch.setattr(processing, "masks_to_boxes", boxes, raising=False)
    tested = method()
    for prompt, prediction in zip(PROMPTS, tested.predict(video, PROMPTS), strict=True):
        network = method().network
        network.detector_model.get_vision_features = type(network.detector_model).get_vision_features.__get__(
            network.detector_model
        )
        network.get_vision_features_for_tracker = type(network).get_vision_features_for_tracker.__get__(network)
        frames = FrameTensors(video, tested.tracker.side, HALF, HALF, "cpu", torch.float32)
        session = Sam3VideoInferenceSession(
            torch.stack(list(frames.values())), video.height, video.width, dtype=torch.float32
        )
        number = session.add_prompt(prompt.text)
        session.prompt_input_ids[number], session.prompt_attention_masks[number] = tested.tracker.tokenize(prompt.text)
        processor = object.__new__(processing.Sam3VideoProcessor)
        expected = np.zeros_like(prediction.masks)
        found: dict[int, np.ndarray] = {}
        for output in network.propagate_in_video_iterator(session):
            final = type(processor).postprocess_outputs(processor, session, output)
            for identity, mask in zip(final["object_ids"].tolist(), final["masks"].numpy(), strict=True):
                expected[output.frame_idx] |= mask
                found.setdefault(identity, np.zeros_like(expected))[output.frame_idx] = mask
        assert expected.any()
        np.testing.assert_array_equal(prediction.masks, expected)
        assert prediction.objects is not None
        assert len(prediction.objects) == len(found)
        for identity, masks in zip(sorted(found), prediction.objects, strict=True):
            np.testing.assert_array_equal(masks, found[identity])


def test_a_frame_is_encoded_once_for_the_sentences_of_a_group(video: Video) -> None:
    tested = method()
    counted = []
    encoder = tested.network.detector_model.vision_encoder
    encoder.register_forward_hook(lambda *_: counted.append(1))
    list(tested.predict(video, PROMPTS))
    assert len(counted) == 2 * len(video)  # groups of two and of one
    assert tested.reduce_memory()
    assert not tested.reduce_memory()
    counted.clear()
    list(tested.predict(video, PROMPTS))
    assert len(counted) == 3 * len(video)


def test_without_a_confident_object_there_is_no_target(video: Video) -> None:
    confident = next(method().predict(video, PROMPTS))
    assert confident.masks.any()
    assert confident.target_score is not None
    assert 0 < confident.target_score < 1
    empty = next(method(replace(OPTIONS, target_threshold=1.0)).predict(video, PROMPTS))
    assert not empty.masks.any()
    assert empty.objects == ()
    assert empty.target_score == confident.target_score
    nothing = next(method(replace(OPTIONS, detection_threshold=1.0)).predict(video, PROMPTS))
    assert not nothing.masks.any()
    assert nothing.target_score == 0.0


def test_the_noun_phrase_takes_the_place_of_the_sentence(video: Video) -> None:
    short = method(replace(OPTIONS, phrase="noun_phrase"))
    seen = []
    tokenize = short.tracker.tokenize
    short.tracker.tokenize = lambda phrase: seen.append(phrase) or tokenize(phrase)
    list(short.predict(video, PROMPTS[:1]))
    assert seen == ["dog"]


def test_sam3_reads_sentences_only(video: Video) -> None:
    with pytest.raises(TypeError, match="SAM 3 requires sentences, got SpeechPrompt"):
        next(method().predict(video, [SpeechPrompt("0", Path("a.wav"))]))


def test_weights_come_from_a_folder(tmp_path: Path, video: Video) -> None:
    torch.manual_seed(1)
    build("mini").save_pretrained(tmp_path)
    words = Tokenizer(models.WordLevel({"<s>": 1, "</s>": 2, "a": 4, "dog": 5, "[UNK]": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, pad_token="</s>").save_pretrained(tmp_path)
    loaded = method(weights=tmp_path)
    torch.manual_seed(1)
    for name, value in build("mini").state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value), name
    ids, mask = loaded.tracker.tokenize("a dog runs")
    assert ids[0, :4].tolist() == [4, 5, 3, 2]
    assert mask.sum() == 3
    assert ids.shape == mask.shape == (1, 32)
    assert next(loaded.predict(video, PROMPTS)).masks.shape == (5, 30, 50)


def test_the_published_network_has_the_published_size() -> None:
    with torch.device("meta"):
        network = build("published")
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 859.9
    assert network.config.image_size == 1008
    assert mini_config().image_size == 112


def test_suppression_keeps_the_best_of_overlapping_detections() -> None:
    ious = torch.tensor([[1, 0.6, 0, 0.2], [0.6, 1, 0.6, 0], [0, 0.6, 1, 0], [0.2, 0, 0, 1]])
    scores = torch.tensor([0.7, 0.9, 0.8, 0.1])
    assert Operations().generic_nms(ious, scores, 0.5).tolist() == [1, 3]
    assert Operations().generic_nms(ious, scores, 0.7).tolist() == [1, 2, 0, 3]


def test_components_are_connected_by_corners_too() -> None:
    mask = torch.tensor([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=torch.uint8)[None, None]
    labels, counts = Operations().cc_2d(mask)
    assert counts[0, 0].tolist() == [[2, 0, 0, 2], [0, 2, 0, 2], [0, 0, 0, 0]]
    assert labels[0, 0, 0, 0] == labels[0, 0, 1, 1] != labels[0, 0, 0, 3]


def test_attention_in_single_steps_gives_the_same_masks(video: Video) -> None:
    network = method(replace(OPTIONS, attention="eager"))
    assert network.network.config._attn_implementation == "eager"
    for ours, expected in zip(network.predict(video, PROMPTS), method().predict(video, PROMPTS), strict=True):
        assert (ours.masks != expected.masks).mean() < 1e-3
