import dataclasses

import pytest
import torch

from baselines.layers.swin import SwinConfig
from baselines.lmpmpp.paper_model import PaperLMPMpp, parameter_counts
from baselines.lmpmpp.sizes import PAPER, ExtractorSize, LanguageSize, LMPMppSize

SMALL = LMPMppSize(
    extractor=ExtractorSize(
        backbone=SwinConfig(channels=8, depths=(1, 1, 1, 1), heads=(1, 1, 1, 1)),
        channels=16,
        heads=2,
        groups=4,
        pixel_layers=1,
        pixel_feedforward=16,
        decoder_layers=3,
        feedforward=16,
        queries=5,
    ),
    language=LanguageSize(
        hidden=32, layers=2, heads=2, feedforward=32, vocabulary=21, text_channels=12, audio_channels=10, lora_rank=2
    ),
)


@pytest.fixture(scope="module")
def counts():
    return parameter_counts()


def test_the_paper_variant_has_the_paper_s_sizes(counts):
    """Table 5: 7.08 B in all (with ImageBind's trunk), 66.39 M of LMPM + 12.76 M are trained."""
    assert PAPER.extractor.queries == 20
    assert (PAPER.extractor.short_side, PAPER.extractor.long_side) == (360, 640)
    assert counts["trained"] == pytest.approx(66.39e6 + 12.76e6, rel=0.03)
    assert counts["all"] == pytest.approx(7.08e9, rel=0.025)
    assert counts["adapters"] == 32 * 4 * 16 * (4096 + 4096)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return PaperLMPMpp(SMALL).eval()


@torch.inference_mode()
def test_an_answer_has_a_mask_trajectory_per_seg(model):
    features = model.encode_frames(torch.rand(3, 3, 64, 96) * 255)
    said = model.answer(features, torch.randn(12), torch.randn(4, 12), count=2)
    assert said.mask_logits.shape == (2, 3, 16, 24)
    assert said.seg.shape == (2, 12)
    assert said.logits.shape == (4, 26)
    assert len(said.objects) == 4
    free = model.answer(features, torch.randn(12), torch.randn(4, 12))
    assert free.mask_logits.shape == (free.count, 3, 16, 24)


@torch.inference_mode()
def test_queries_are_conditioned_on_the_sentence_but_the_frames_are_not(model):
    features = model.encode_frames(torch.rand(2, 3, 64, 96) * 255)
    one, other = (model.answer(features, torch.randn(12), torch.zeros(1, 12), count=1) for _ in range(2))
    assert not torch.allclose(one.objects[-1].embeddings, other.objects[-1].embeddings)


@torch.inference_mode()
def test_time_matters_to_the_language_model(model):
    features = model.encode_frames(torch.rand(3, 3, 64, 96) * 255)
    back = dataclasses.replace(
        features, levels=[x.flip(0) for x in features.levels], mask_features=features.mask_features.flip(0)
    )
    sentence, words = torch.randn(12), torch.randn(4, 12)
    one, other = (model.answer(f, sentence, words, count=1) for f in (features, back))
    assert not torch.allclose(one.seg, other.seg, atol=1e-5)


def test_only_adapters_added_tokens_and_projections_of_the_language_part_are_trained(model):
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert all(name.startswith(("language.llama.", "language.llama_head.")) for name in frozen)
    assert "language.added_tokens.weight" not in frozen
    assert not [name for name in frozen if ".lora_" in name]
