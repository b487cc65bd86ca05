"""The common start of the mini variants: tracks of a video, aligned tokens, words, and the shipped weights on it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.dshmp.config import SIZES as DSHMP_SIZES
from baselines.dshmp.track_network import TrackDsHmp, motion_words
from baselines.layers.inputs.word_tagger import RuleTagger
from baselines.layers.training.point_set_criterion import PointOutputs, match_points, point_losses
from baselines.layers.training.trajectory_criterion import TrajectoryConfig
from baselines.lmpm.config import SIZES
from baselines.lmpm.track_network import TrackLmpm
from baselines.lmpmpp.mini.common_start import SHIPPED, AlignedTokens, CommonStart, TrackedVideo
from baselines.lmpmpp.mini.training.track_training import track_similarity
from baselines.lmpmpp.mini.training.tracked_cache import TrackedClip
from mevis_bench.data.registry import open_dataset
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.weights import WeightsChoice, default_store, locate_weights
from mevis_bench.records import MethodConfig, TextPrompt

SEGMENTERS = ("lmpm", "dshmp", "urvos", "mttr", "referformer", "losh", "mutr", "vlt", "onlinerefer", "r2vos", "sgmg")

PROMPTS = (TextPrompt("0", "The bird that moves left"), TextPrompt("1", "the one flying away quickly after going down"))


@pytest.fixture(scope="module")
def start():
    return CommonStart.load(SHIPPED)


@pytest.fixture(scope="module")
def split():
    return open_dataset(None, "valid_u")


@pytest.fixture(scope="module")
def tracked(start, split):
    video = split.video(split.video_ids[0])
    frames = torch.from_numpy(np.stack([video.frame(index) for index in range(6)]))
    return frames, start.encode_video([frames])


def networks():
    return [TrackLmpm(SIZES["mini"]).eval(), TrackDsHmp(DSHMP_SIZES["mini"], RuleTagger()).eval()]


def test_tracks_do_not_depend_on_the_chunks(start, tracked):
    frames, whole = tracked
    parts = start.encode_video(frames.split(2))
    for a, b in ((whole.tokens, parts.tokens), (whole.fine, parts.fine), (whole.aligned, parts.aligned)):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-3)
    found = whole.tokens.any(-1).any(0)
    assert 3 <= found.sum() <= 8
    assert whole.aligned.any(-1).tolist() == found.tolist()


def test_a_video_without_objects_has_no_tracks():
    start = CommonStart.load(SHIPPED)
    start.extractor.decoder.class_embed.bias.copy_(torch.tensor([-50.0, 50.0]))
    blank = start.encode_video([torch.zeros(2, 72, 128, 3, dtype=torch.uint8)])
    assert not blank.tokens.any()
    assert not blank.aligned.any()
    assert blank.fine.shape == (2, 64, 18, 32)


def test_the_aligned_product_is_added_to_all_frames_of_a_track():
    torch.manual_seed(0)
    module = AlignedTokens()
    tokens, aligned, features = torch.randn(1, 3, 8, 64), torch.randn(8, 128), torch.randn(2, 128)
    out = module(tokens, aligned, features)
    for sentence in range(2):
        for track in range(8):
            added = module.project(aligned[track] * features[sentence])
            torch.testing.assert_close(out[sentence, :, track], tokens[0, :, track] + added)


@pytest.mark.parametrize("network", networks(), ids=["lmpm", "dshmp"])
def test_sentences_together_are_as_alone(network, start, tracked):
    _, video = tracked
    with torch.no_grad():
        together = network.match(video, network.read(start, PROMPTS))
        for row, prompt in enumerate(PROMPTS):
            for both, alone in zip(together, network.match(video, network.read(start, [prompt])), strict=True):
                torch.testing.assert_close(both[row], alone[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(together[0][0], together[0][1])


def test_motion_words_are_found_among_the_words():
    assert motion_words("the bird, flying away slowly", RuleTagger(), 20) == [2, 4]
    assert motion_words("the bird, flying away slowly", RuleTagger(), 3) == [2]
    assert motion_words("", RuleTagger(), 1) == []


def test_queries_are_matched_and_compared_at_points():
    torch.manual_seed(0)
    config = TrajectoryConfig(vita_no_object_weight=0.5)
    truth = (torch.rand(2, 40) > 0.5).float()
    masks = torch.randn(2, 3, 40)
    masks[0, 2], masks[0, 0] = 8 * truth[0] - 4, 8 * truth[1] - 4
    outputs, targets = PointOutputs(torch.zeros(2, 3, 2), masks), [truth, truth[:0]]
    pairs = match_points(outputs, targets, config)
    assert [(queries.tolist(), objects.tolist()) for queries, objects in pairs] == [([0, 2], [1, 0]), ([], [])]
    losses = point_losses([outputs, outputs], targets, [pairs, pairs], config)
    assert set(losses) == {f"loss_vita_{name}{layer}" for name in ("ce", "mask", "dice") for layer in ("", "_0")}
    expected = F.binary_cross_entropy_with_logits(masks[0, [0, 2]], truth[[1, 0]])
    torch.testing.assert_close(losses["loss_vita_mask"], expected)
    weights = torch.tensor([1.0, 0.5])[torch.tensor([0, 1, 0, 1, 1, 1])]
    torch.testing.assert_close(losses["loss_vita_ce"], (weights * torch.log(torch.tensor(2.0))).sum() / weights.sum())


def test_similarity_pools_the_tokens_of_a_sentences_objects():
    torch.manual_seed(0)
    module = TrackLmpm(SIZES["mini"]).vita_module
    tokens = torch.randn(2, 8, 64)
    tokens[1, 2], tokens[:, 3:] = 0, 0  # track 2 is seen once, three tracks in all
    video = TrackedVideo(tokens, torch.zeros(2, 64, 1, 1), torch.zeros(8, 128))
    clip = TrackedClip("v", video, torch.zeros(2, 1, 1), torch.tensor([2, 0, 1, 0, 0, 0, 0, 0], dtype=torch.uint8), ())
    encoded, queries = torch.randn(1, 2, 8, 64), torch.randn(1, 5, 64)
    pairs = [(torch.tensor([4]), torch.tensor([0]))]
    pool = torch.cat((module.sim_embed_clip(queries[0, 4:]), module.sim_embed_frame(encoded[0, :1, 2])))
    expected = F.binary_cross_entropy_with_logits(pool @ pool.T, torch.ones(2, 2))
    torch.testing.assert_close(track_similarity(module, clip, encoded, queries, [[0]], pairs), expected)
    nobody = [(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long))]
    assert track_similarity(module, clip, encoded, queries, [[]], nobody) == 0


@pytest.mark.parametrize(
    "name", ["lmpm:mini-audio", "mutr:mini-audio", "git", "wnet", "soc", "temprmot", "transrmot", *SEGMENTERS]
)
def test_shipped_weights_are_those_of_the_method_file(name, split):
    method, _, variant = name.partition(":")
    resolved = find_methods().resolve(method, variant or "mini")
    weights = locate_weights(resolved, WeightsChoice(False, default_store(), {}))
    files = [weights["model"], *weights["model"].glob("*")]
    assert sum(file.stat().st_size for file in files) < 4_000_000
    assert all(spec.sha256 for spec in resolved.spec.weights.values())
    task = resolved.spec.tasks[0]
    config = MethodConfig(task, resolved.variant, resolved.spec.options, weights, "cpu", 0)
    load_method(resolved.method, config).close()


@pytest.mark.parametrize("name", SEGMENTERS)
def test_shipped_weights_read_the_words(name, split):
    """On one video the masks of a sentence fit its objects better than those of another sentence of the video."""
    resolved = find_methods().resolve(name, "mini")
    weights = locate_weights(resolved, WeightsChoice(False, default_store(), {}))
    method = load_method(
        resolved.method, MethodConfig("rvos", resolved.variant, resolved.spec.options, weights, "cpu", 0)
    )
    video_id = split.video_ids[0]
    truths = [truth for truth in split.ground_truths(video_id) if truth.objects]
    masks = [
        np.stack([union_of(truth.objects, frame, split.video(video_id)) for frame in range(len(split.video(video_id)))])
        for truth in truths
    ]
    prompts = [TextPrompt(truth.expression.id, truth.expression.text) for truth in truths]
    predictions = [prediction.masks for prediction in method.predict(split.video(video_id), prompts)]
    own = np.mean([iou(predicted, mask) for predicted, mask in zip(predictions, masks, strict=True)])
    others = [
        iou(predicted, mask)
        for row, predicted in enumerate(predictions)
        for column, mask in enumerate(masks)
        if truths[row].expression.annotation_ids != truths[column].expression.annotation_ids
    ]
    assert own > np.mean(others) + 0.2


def union_of(objects, frame, video):
    """Union of the objects in a frame."""
    union = np.zeros((video.height, video.width), bool)
    for track in objects:
        if track[frame] is not None:
            union |= track[frame].decode("test").astype(bool)
    return union


def iou(first, second):
    """Intersection over union over all frames."""
    return (first & second).sum() / max((first | second).sum(), 1)
