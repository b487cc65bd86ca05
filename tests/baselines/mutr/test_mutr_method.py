import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inference.query_outputs import QueryOutputs
from baselines.layers.inputs.text_reference import TextReference, as_words
from baselines.layers.nn.cross_modal_fpn import Level
from baselines.layers.nn.language_queries import LanguageQueriesConfig
from baselines.layers.nn.text_encoder import HashTokenizer
from baselines.mutr.method import MutrModel, recording_reader, speech_reader, text_reader
from baselines.mutr.model import Mutr
from baselines.mutr.temporal import GatherLayer, TemporalInteraction, interaction_config
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.baselines.parity import tiny_roberta
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs")]


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = Mutr("swin-t", TextReference(tiny_roberta())).eval()
    torch.nn.init.normal_(network.queries.class_embed[0].weight, std=0.5)
    return network


def text_model(network, *, choose_once=True):
    return MutrModel(network, text_reader(network, HashTokenizer(), "cpu"), choose_once=choose_once)


def test_a_video_is_encoded_once_and_answered_as_one_sentence_at_a_time(network, tmp_path):
    video = noise_video(tmp_path, 3, 60, 100)
    settings = ClipSettings(48, None, "consecutive", "float32")
    encoded = []
    hook = network.queries.backbone.body.register_forward_hook(lambda *_: encoded.append(1))
    together = list(ClipSegmenter(text_model(network), settings, "cpu").predict(video, PROMPTS))
    hook.remove()
    assert len(encoded) == 1
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = ClipSegmenter(text_model(network), settings, "cpu").predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
        assert alone.target_score == prediction.target_score


def clip_outputs(network):
    """Two clips whose own queries disagree: 1 in the first, 3 in the second."""
    torch.manual_seed(1)
    clips = []
    for frames, best in ((2, 1), (1, 3)):
        logits = torch.zeros(frames, 5)
        logits[:, best] = 1.0 + best
        masks = torch.full((frames, 5, 2, 2), -1.0)
        masks[:, best] = 1.0
        clips.append(QueryOutputs(logits, torch.randn(frames, 5, 256), masks))
    return clips


@torch.no_grad()
def test_passes_choose_their_own_query(network):
    masks, score = text_model(network, choose_once=False).postprocess(clip_outputs(network), (4, 4))
    assert [mask.all().item() for mask in masks] == [True, True]
    expected = (2 * torch.tensor(2.0).sigmoid() + torch.tensor(4.0).sigmoid()) / 3
    assert score == pytest.approx(expected.item())


@torch.no_grad()
def test_pieces_choose_one_query_after_their_queries_met(network):
    clips = clip_outputs(network)
    _, logits = network.classify(torch.cat([clip.states for clip in clips]))
    masks, score = text_model(network).postprocess(clips, (4, 4))
    best = int(logits.argmax())
    assert score == pytest.approx(logits.sigmoid().max().item())
    assert [mask.all().item() for mask in masks] == [best == 1, best == 3]


@torch.no_grad()
def test_frames_exchange_within_windows_and_across_them_by_the_shift():
    torch.manual_seed(0)
    mti = TemporalInteraction(interaction_config(LanguageQueriesConfig())).eval()
    states = torch.randn(10, 5, 256)

    def reached(frame, training):
        mti.train(training)
        for module in mti.modules():
            if isinstance(module, torch.nn.Dropout):
                module.eval()
        changed = states.clone()
        changed[frame] += 1
        encoded = [mti.encode(x[None], None, shifting=not training)[0] for x in (changed, states)]
        moved = (encoded[0] - encoded[1]).abs().amax((1, 2)) > 1e-6
        return moved.nonzero().flatten().tolist()

    assert reached(0, training=True) == [0, 1, 2, 3]
    # Windows 0-3, 4-7, 8-9; shifted by two they bridge 2-5 and 6-9, and each bridge spreads over whole windows.
    assert reached(0, training=False) == list(range(8))
    assert reached(9, training=False) == list(range(4, 10))
    mti.eval()


@torch.no_grad()
def test_padding_cells_are_not_gathered():
    torch.manual_seed(0)
    layer = GatherLayer(256, 8, 2048).eval()
    padding = torch.zeros(1, 3, 4, dtype=torch.bool)
    padding[:, :, 3] = True
    words = as_words(torch.randn(4, 256))
    maps = list(torch.randn(3, 256, 3, 4).split([2, 1]))
    other = [torch.where(padding[:, None], 9.0, piece) for piece in maps]
    position = torch.zeros(1, 256, 3, 4)
    ours, theirs = (layer(words.features, words.position, Level(x, position, padding)) for x in (maps, other))
    torch.testing.assert_close(ours, theirs)
    seen = layer(words.features, words.position, Level(other, position))
    assert (seen - ours).abs().max() > 0.01


def test_text_and_speech_are_not_confused(network, tmp_path):
    with pytest.raises(TypeError, match="requires a text prompt, got SpeechPrompt"):
        text_model(network).encode_prompt(SpeechPrompt("0", tmp_path / "a.wav"))
    for read in (recording_reader(network, "cpu"), speech_reader(network, FakeStart())):
        with pytest.raises(TypeError, match="requires a speech prompt, got TextPrompt"):
            MutrModel(network, read, choose_once=True).encode_prompt(PROMPTS[0])


class FakeStart:
    """Hears the number of a prompt."""

    def read(self, prompts):
        return torch.tensor([[float(prompt.id), 1.0] for prompt in prompts])


@torch.no_grad()
def test_by_the_start_a_recording_is_a_sentence_without_words(network, tmp_path):
    read = speech_reader(network, FakeStart())
    encoded = read(SpeechPrompt("3", tmp_path / "3.wav"))
    states = torch.zeros(1, network.reference.text_encoder.config.hidden_size)
    states[0, 0], states[0, 1] = 3.0, 1.0
    assert encoded.features.shape == (1, 256)
    torch.testing.assert_close(encoded.features, network.reference.resizer(states))
    assert (read(SpeechPrompt("4", tmp_path / "4.wav")).features - encoded.features).abs().max() > 1e-3
