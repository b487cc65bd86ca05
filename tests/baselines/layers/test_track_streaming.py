from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.layers.inference import track_streaming
from baselines.layers.inference.track_streaming import (
    Step,
    StreamingTracker,
    StreamSettings,
    confident_tracks,
    live_tracks,
    prepare_image,
)
from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.layers.nn.referring_detector import DetectorConfig
from baselines.layers.nn.text_encoder import HashTokenizer
from baselines.layers.nn.track_queries import NO_TRACK, Detections, TrackQueries, TrackRules
from baselines.layers.options import StreamOptions
from mevis_bench.records import TextPrompt, Video

RULES = TrackRules(
    birth_score=0.7, keep_score=0.6, miss_tolerance=1, max_tracks=500, show_score=0.7, show_area=100.0, show_refer=0.5
)
LOGIT = {True: 4.0, False: -4.0}


@dataclass(frozen=True)
class FakeEncoded:
    """Whether each frame shows the object, and whether the sentence refers to it."""

    visible: torch.Tensor
    referred: bool

    def __getitem__(self, frames):
        return FakeEncoded(self.visible[frames], self.referred)


class FakeModel:
    """Sees one object per frame whose gray value is over 100; the sentence 'nothing' refers to none of them."""

    config = DetectorConfig()

    def __init__(self):
        self.images = 0

    def see(self, image):
        self.images += 1
        return [image]

    def read(self, ids):
        return HashTokenizer().encode("nothing").ids != tuple(ids[0].tolist())

    def encode(self, levels, words):
        return FakeEncoded(levels[0].mean((1, 2, 3)) > (100 / 255 - 0.449) / 0.226, words)

    def step(self, encoded, tracks, life):
        (visible,), referred = encoded.visible.tolist(), encoded.referred
        fresh = TrackQueries(torch.zeros(1, 2), torch.zeros(1, 4), torch.tensor([NO_TRACK]), torch.tensor([0]))
        queries = fresh if tracks is None else fresh.followed_by(tracks)
        followed = len(queries) > 1
        logits = torch.tensor([LOGIT[visible and not followed]] + [LOGIT[visible]] * (len(queries) - 1))
        boxes = torch.tensor([[0.5, 0.5, 0.5, 1.0]]).repeat(len(queries), 1)
        found = Detections(logits, torch.full((len(queries),), LOGIT[referred]), boxes, torch.zeros(len(queries), 2))
        queries = life.update(queries, found.scores)
        return Step(queries, found, queries[queries.ids != NO_TRACK])


@pytest.fixture
def video(tmp_path):
    paths = []
    for index, gray in enumerate((200, 200, 0, 200)):
        paths.append(tmp_path / f"{index}.png")
        Image.new("RGB", (40, 20), (gray, gray, gray)).save(paths[-1])
    return Video("v", tuple(path.stem for path in paths), tuple(paths), 20, 40)


def _tracker(model):
    return StreamingTracker(model, HashTokenizer(), StreamSettings(RULES, short=8, longest=16), "cpu")


def test_a_track_is_born_kept_lost_and_born_again(video):
    (found,) = _tracker(FakeModel()).predict(video, [TextPrompt("0", "a bird")])
    assert found.frames.tolist() == [0, 1, 3]
    assert found.ids.tolist() == [0, 0, 1]
    assert found.boxes.tolist() == [[10.0, 0.0, 30.0, 20.0]] * 3
    assert (found.frames.dtype, found.ids.dtype, found.boxes.dtype) == (np.int64, np.int64, np.float64)


def test_sentences_share_the_images_and_nothing_else(video):
    model = FakeModel()
    tracker = _tracker(model)
    prompts = [TextPrompt("0", "a bird"), TextPrompt("1", "nothing"), TextPrompt("2", "a bird")]
    bird, nothing, again = tracker.predict(video, prompts)
    assert model.images == len(video)
    assert (nothing.frames.shape, nothing.ids.shape, nothing.boxes.shape) == ((0,), (0,), (0, 4))
    assert bird.ids.tolist() == again.ids.tolist() == [0, 0, 1]
    (next_sequence,) = tracker.predict(video, prompts[:1])
    assert next_sequence.ids.tolist() == [0, 0, 1]


class FakeStart:
    """Tracks nothing; the maps for a sentence are the frames, inverted for 'the second'."""

    def __init__(self):
        self.videos = 0

    def track(self, frames):
        self.videos += 1
        return frames

    def read(self, prompts):
        return torch.tensor([[-1.0 if prompt.text == "the second" else 1.0] for prompt in prompts])

    def prompted(self, tracked, sentence):
        return PreparedMaps([tracked * sentence], tuple(tracked.shape))


class FakeMapsModel(FakeModel):
    """A `FakeModel` of prepared maps."""

    def see(self, frames):
        return [frames.maps[0]]


@pytest.mark.parametrize("at_once", [1, 3, 16])
def test_behind_a_start_each_sentence_has_its_own_maps(video, monkeypatch, at_once):
    monkeypatch.setattr(track_streaming, "FRAMES_AT_ONCE", at_once)
    start = FakeStart()
    tracker = StreamingTracker(
        FakeMapsModel(), HashTokenizer(), StreamSettings(RULES, short=8, longest=16), "cpu", start
    )
    first, second = tracker.predict(video, [TextPrompt("0", "a bird"), TextPrompt("1", "the second")])
    assert start.videos == 1
    assert (first.frames.tolist(), first.ids.tolist()) == ([0, 1, 3], [0, 0, 1])
    assert (second.frames.tolist(), second.ids.tolist()) == ([2], [0])


def test_thresholds_of_what_is_shown_are_exclusive():
    ids = torch.tensor([0, 1, 2, 3, NO_TRACK])
    queries = TrackQueries(torch.zeros(5, 2), torch.zeros(5, 4), ids, torch.zeros(5))
    boxes = torch.tensor([[0.5, 0.5, 0.5, 0.5]]).repeat(5, 1)
    boxes[1, 2:] = 0.1
    scores, refers = torch.tensor([0.9, 0.9, 0.5, 0.9, 0.9]), torch.tensor([0.9, 0.9, 0.9, 0.5, 0.9])
    step = Step(queries, Detections(scores.logit(), refers.logit(), boxes, torch.zeros(5, 2)), None)
    live = live_tracks(step, height=100, width=100)
    assert live.ids.tolist() == [0, 1, 2, 3]
    rules = replace(RULES, show_score=0.5, show_refer=0.5)
    assert confident_tracks(live, rules).ids.tolist() == [0]
    assert confident_tracks(live, replace(rules, show_area=99.0)).ids.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("size", "expected"), [((720, 1280), (800, 1422)), ((375, 1242), (463, 1536)), ((1280, 720), (1422, 800))]
)
def test_short_side_800_unless_the_long_side_exceeds_1536(size, expected):
    assert prepare_image(np.zeros((*size, 3), np.uint8), 800, 1536).shape[-2:] == expected


def test_pixels_are_sampled_between_centers_without_smoothing():
    pixels = np.random.default_rng(0).integers(0, 256, (7, 10, 3), dtype=np.uint8)
    image = prepare_image(pixels, 3, 100)[0].permute(1, 2, 0).numpy()
    grays = (image * IMAGENET_STD + IMAGENET_MEAN) * 255
    np.testing.assert_allclose(grays, grays.round(), atol=1e-3)
    height, width = grays.shape[:2]
    for row in range(height):
        for column in range(width):
            y, x = (row + 0.5) * 7 / height - 0.5, (column + 0.5) * 10 / width - 0.5
            y0, x0 = int(y), int(x)
            (dy, dx), corner = (y - y0, x - x0), pixels[y0 : y0 + 2, x0 : x0 + 2].astype(float)
            weights = np.array([[(1 - dy) * (1 - dx), (1 - dy) * dx], [dy * (1 - dx), dy * dx]])
            np.testing.assert_allclose(grays[row, column], (corner * weights[..., None]).sum((0, 1)), atol=0.501)


def test_options_become_settings():
    values = {name: getattr(RULES, name) for name in RULES.__slots__}
    options = StreamOptions(size="base", backbone="resnet50", short=8, longest=16, **values)
    assert StreamSettings.from_options(options) == StreamSettings(RULES, 8, 16)
