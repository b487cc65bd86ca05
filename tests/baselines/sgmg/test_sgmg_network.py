"""SgMg's own parts by slow references, and its choice of a query."""

import cmath
import math

import pytest
import torch

from baselines.layers.inference.clip_segmenter import ClipSegmenter, ClipSettings
from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries import LANGUAGE_QUERIES_SIZES
from baselines.layers.nn.text_encoder import HashTokenizer, build_roberta
from baselines.sgmg.method import PatchOutputs, SgMgModel
from baselines.sgmg.model import SgMg
from baselines.sgmg.refiner import MaskRefiner
from baselines.sgmg.spectrum import SpectrumFilter, gaussians
from mevis_bench.records import SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

SIZES = LANGUAGE_QUERIES_SIZES["mini"]
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network() -> SgMg:
    torch.manual_seed(0)
    network = SgMg("resnet-mini", TextReference(build_roberta(SIZES.text), SIZES.channels, separate=True), SIZES).eval()
    for head in network.queries.class_embed:
        torch.nn.init.normal_(head.weight, std=0.5)
    return network


def transform(grid, sign):
    """The sums of the discrete Fourier transform of ``h x w`` numbers, not normalized."""
    height, width = len(grid), len(grid[0])
    return [
        [
            sum(
                grid[i][j] * cmath.exp(sign * 2j * math.pi * (u * i / height + v * j / width))
                for i in range(height)
                for j in range(width)
            )
            for v in range(width)
        ]
        for u in range(height)
    ]


@torch.no_grad()
def test_the_filter_is_its_formula():
    torch.manual_seed(0)
    spectrum, x = SpectrumFilter(1), torch.randn(1, 1, 3, 4)
    gaussian = torch.rand(3, 4)
    kernel, bias = spectrum.laplace.weight[0, 0], spectrum.laplace.bias[0]
    places = [(kernel * x[0, 0, :, left : left + 3]).sum() + bias for left in range(2)]
    hidden = (sum(places) / 2 * spectrum.fc[0].weight[0, 0]).clamp(min=0)
    share = (hidden * spectrum.fc[2].weight[0, 0]).sigmoid().item()
    frequencies = transform(x[0, 0].tolist(), -1)
    mixed = []
    for row, weights in zip(frequencies, gaussian.tolist(), strict=True):
        mixed.append([])
        for value, weight in zip(row, weights, strict=True):
            weakened = value * (1 - share * weight)
            pair = torch.tensor([weakened.real, weakened.imag])
            first = (spectrum.conv1.weight[..., 0, 0] @ pair + spectrum.conv1.bias).clamp(min=0)
            second = spectrum.conv2.weight[..., 0, 0] @ first + spectrum.conv2.bias
            mixed[-1].append(complex(*second.tolist()))
    added = torch.tensor([[value.real / 12 for value in row] for row in transform(mixed, 1)])
    torch.testing.assert_close(spectrum(x, gaussian)[0, 0], x[0, 0] + added, atol=1e-5, rtol=1e-4)


def test_every_level_scales_the_gaussian_of_the_one_before():
    first, second, third = gaussians([(6, 9), (3, 5), (2, 3)], CPU)
    assert first[3, 4] == 1
    assert first[0, 7].item() == pytest.approx(math.exp(-(3**2 + 3**2) / (2 * 7**2)))
    # Cell (1, 2) of 3 x 5 is centered on (2.5, 4) of 6 x 9: half of each of two rows.
    assert second[1, 2].item() == pytest.approx((first[2, 4].item() + 1) / 2)
    scaled = torch.nn.functional.interpolate(second[None, None], size=(2, 3), mode="bilinear", align_corners=False)
    torch.testing.assert_close(third, scaled[0, 0])


@torch.no_grad()
def test_refinement_adds_to_patches_at_both_strides():
    torch.manual_seed(0)
    refiner = MaskRefiner(2, 3)
    patches, middle, fine = torch.randn(1, 16, 2, 3), torch.randn(1, 2, 2, 3), torch.randn(1, 3, 4, 6)

    def step(x, other, first, second):
        hidden = torch.nn.functional.conv2d(torch.cat((x, other), 1).relu(), first.weight, first.bias, padding=1)
        return x + torch.nn.functional.conv2d(hidden.relu(), second.weight, second.bias, padding=1)

    x = step(patches, middle, refiner.conv1_1div8, refiner.conv2_1div8)
    x = torch.nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(
        refiner(patches, middle, fine), step(x, fine, refiner.conv1_1div4, refiner.conv2_1div4), atol=1e-5, rtol=1e-5
    )


@torch.no_grad()
def test_frames_are_padded_and_their_size_stays(network):
    clip = network.encode(torch.randn(2, 3, 150, 200))
    assert clip.size == (150, 200)
    assert [tuple(level.position.shape[-2:]) for level in clip.levels] == [(20, 26), (10, 13), (5, 7), (3, 4)]
    assert [int((~level.padding).sum()) for level in clip.levels[:2]] == [19 * 25, 10 * 13]
    small = network.encode(torch.randn(1, 3, 40, 160))
    assert small.fine[0].shape[-2:] == (36, 40)
    text = network.read(torch.tensor([[0, 5, 9, 2]]))
    segmented = network(clip, text)
    (masks,) = network.refine(clip, segmented.patches[:, :1])
    assert masks.shape == (2, 1, 160, 208)


@torch.no_grad()
def test_the_query_is_chosen_over_all_clips_and_its_padding_cut(network):
    model = SgMgModel(network, HashTokenizer(), "cpu")
    clips = [network.encode(torch.randn(frames, 3, 150, 170)) for frames in (2, 1)]
    logits = [torch.tensor([[20.0, 1.0], [-3.0, 1.0]]), torch.tensor([[-3.0, 1.0]])]
    outputs = [
        PatchOutputs(values, torch.randn(len(values), 2, 16, 20, 22), clip)
        for values, clip in zip(logits, clips, strict=True)
    ]
    masks, score = model.postprocess(outputs, (150, 170))
    assert score == pytest.approx(torch.tensor(1.0).sigmoid().item())
    (refined,) = network.refine(clips[1], outputs[1].patches[:, 1:])
    assert torch.equal(masks[1], refined[:, 0, :150, :170] > 0)
    candidates = list(model.candidates(outputs, (150, 170)))
    assert torch.equal(candidates[1][0][1], masks[1])
    assert candidates[1][1] == pytest.approx(score)
    assert candidates[0][1] < score


def test_other_prompts_change_nothing(network, tmp_path):
    video = noise_video(tmp_path, 3, 40, 64)
    prompts = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs")]
    model = SgMgModel(network, HashTokenizer(), "cpu")
    segmenter = ClipSegmenter(model, ClipSettings(32, None, "consecutive", "float32"), "cpu")
    together = list(segmenter.predict(video, prompts))
    for prompt, prediction in zip(prompts, together, strict=True):
        (alone,) = segmenter.predict(video, [prompt])
        assert (alone.masks == prediction.masks).all()
    assert together[0].target_score != together[1].target_score
    with pytest.raises(TypeError, match="SgMg requires a text prompt, got SpeechPrompt"):
        model.encode_prompt(SpeechPrompt("0", "a.wav"))
