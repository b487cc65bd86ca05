"""Clip methods on the common start: its maps, its words, and clips that are encoded once per sentence."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.layers.inputs.resize import IMAGENET_MEAN, IMAGENET_STD
from baselines.layers.nn.clip_backbones import PreparedBackbone
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.layers.training.clip_sampling import mask_extents, read_clip
from baselines.layers.training.prompted_clips import encode_clip
from baselines.lmpmpp.mini.clip_start import StartClips, StartText, StartTokenizer
from baselines.lmpmpp.mini.common_start import SHIPPED, CommonStart
from mevis_bench.data.registry import open_dataset
from mevis_bench.records import TextPrompt

SENTENCES = ("The bird that moves left", "the one flying away quickly after going down")


@pytest.fixture(scope="module")
def clips():
    return StartClips(CommonStart.load(SHIPPED))


@pytest.fixture(scope="module")
def split():
    return open_dataset(None, "valid_u")


@pytest.fixture(scope="module")
def pixels(split):
    video = split.video(split.video_ids[0])
    frames = np.stack([video.frame(index) for index in range(6)])
    return F.interpolate(
        torch.from_numpy(frames).permute(0, 3, 1, 2).float(), (72, 128), antialias=True, mode="bilinear"
    )


@pytest.fixture(scope="module")
def tracked(clips, pixels):
    mean, std = (torch.tensor(constant).view(3, 1, 1) for constant in (IMAGENET_MEAN, IMAGENET_STD))
    return clips.track((pixels / 255 - mean) / std)


def test_objects_carry_their_trajectories(clips, pixels, tracked):
    video, found = clips.start.track([pixels])
    assert [tuple(x.shape[-2:]) for x in tracked.placed] == [(18, 32), (9, 16), (5, 8), (3, 4)]
    assert [tuple(x.shape[:2]) for x in tracked.fine] == [(6, 64)] * 4
    torch.testing.assert_close(tracked.fine[0], video.fine, rtol=1e-3, atol=1e-3)
    for track, frame in torch.nonzero(found.present).tolist()[:8]:
        shares = (
            F.avg_pool2d(found.mask_logits[:, frame, None].sigmoid(), 2)[:, 0] * found.present[:, frame, None, None]
        )
        row, column = divmod(int(shares[track].argmax()), 32)
        expected = sum(shares[k, row, column] * video.aligned[k] for k in range(len(shares)))
        torch.testing.assert_close(tracked.placed[0][frame, :, row, column], expected, rtol=1e-3, atol=1e-3)


def test_maps_are_multiplied_with_the_sentence(clips, tracked):
    sentence = torch.linspace(-1, 1, 128)
    maps = clips.prompted(tracked, sentence)
    assert maps.shape == (6, 3, 72, 128)
    for whole, fine, placed in zip(maps.maps, tracked.fine, tracked.placed, strict=True):
        assert torch.equal(whole[:, :64], fine)
        assert torch.equal(whole[:, 64:], placed * sentence[:, None, None])


def test_a_clip_without_objects_has_zeros(clips):
    blank = clips.track(torch.zeros(2, 3, 72, 128))
    assert not torch.isnan(blank.fine[0]).any()
    assert not blank.placed[0].any()


def test_sentences_do_not_depend_on_padding(clips):
    text, tokenizer = StartText(clips.start), StartTokenizer(clips.start.tokenizer)
    ids = [list(tokenizer.encode(sentence).ids) for sentence in SENTENCES]
    longest = max(map(len, ids))
    together = text(
        torch.tensor([row + [1] * (longest - len(row)) for row in ids]),
        attention_mask=torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
    )
    features = clips.read([TextPrompt(str(number), text) for number, text in enumerate(SENTENCES)])
    for row, (own, feature) in enumerate(zip(ids, features, strict=True)):
        alone = text(torch.tensor([own]), attention_mask=torch.ones(1, len(own)))
        torch.testing.assert_close(together.last_hidden_state[row, : len(own)], alone.last_hidden_state[0])
        torch.testing.assert_close(alone.pooler_output[0, :128], feature)
        torch.testing.assert_close(alone.last_hidden_state[0, 0], alone.pooler_output[0])
        assert not alone.pooler_output[0, 128:].any()


def test_tokens_cover_their_words(clips):
    tokens = StartTokenizer(clips.start.tokenizer).encode(SENTENCES[0])
    assert [SENTENCES[0][slice(*span)] for span in tokens.spans[1:]] == ["The", "bird", "that", "moves", "left"]
    assert len(StartTokenizer(clips.start.tokenizer).encode("").ids) == 2


def test_prepared_maps_are_cut_as_frames_are(clips, tracked):
    maps = clips.prompted(tracked, torch.ones(128))
    assert [len(part) for part in maps.split(4)] == [4, 2]
    pieces = list(PreparedBackbone(192)(maps, 4))
    for level in range(4):
        assert torch.equal(torch.cat([piece[level] for piece in pieces]), maps.maps[level])


def test_padded_maps_are_those_of_padded_frames(clips, tracked):
    maps = clips.prompted(tracked, torch.ones(128))
    wider = maps.padded(80, 144)
    assert wider.shape == (6, 3, 80, 144)
    assert [tuple(x.shape[-2:]) for x in wider.maps] == [(20, 36), (10, 18), (5, 9), (3, 5)]
    for whole, part in zip(wider.maps, maps.maps, strict=True):
        height, width = part.shape[-2:]
        assert torch.equal(whole[..., :height, :width], part)
        assert torch.count_nonzero(whole) == torch.count_nonzero(part)


class FakeNetwork:
    """Returns what it gets."""

    def encode(self, frames, size=None):
        return frames


def test_each_sentence_sees_its_own_frames(clips, split):
    clip = read_clip(split, split.video_ids[0], range(6), split.expressions(split.video_ids[0])[:3])
    encoded = list(encode_clip(FakeNetwork(), clip, clip.size, "cpu", clips, stride=2))
    assert [sentences for _, _, sentences in encoded] == [(sentence,) for sentence in clip.sentences]
    for (maps, seen, _), first in zip(encoded, (0, 1, 0), strict=True):
        assert isinstance(maps, PreparedMaps)
        assert len(maps) == 3
        assert seen.frames == clip.frames[first::2]
        assert np.array_equal(seen.masks, clip.masks[:, first::2])
        assert np.array_equal(seen.boxes, mask_extents(seen.masks))
        assert np.array_equal(seen.images, clip.images[first::2])


def test_without_a_start_a_clip_is_encoded_once(split):
    clip = read_clip(split, split.video_ids[0], range(2), split.expressions(split.video_ids[0])[:3])
    ((frames, seen, sentences),) = encode_clip(FakeNetwork(), clip, clip.size, "cpu")
    assert frames.shape == (2, 3, *clip.size)
    assert seen is clip
    assert sentences == clip.sentences
