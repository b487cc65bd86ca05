import pytest
import torch

from baselines.layers.inference.video_chunks import FRAMES_PER_CHUNK
from baselines.lmpmpp.config import PAPER, TINY
from baselines.lmpmpp.model import EncodedPrompt, LMPMpp, parameter_counts


@pytest.fixture(scope="module")
def counts():
    return parameter_counts()


def test_sizes_are_those_of_the_paper(counts):
    """Table 5: 7.08 B parameters (with ImageBind's trunk), 66.39 M of LMPM + 12.76 M of them trained."""
    assert PAPER.extractor.queries == 20
    assert (PAPER.extractor.short_side, PAPER.extractor.long_side) == (360, 640)
    assert counts["trained"] == pytest.approx(66.39e6 + 12.76e6, rel=0.03)
    assert counts["all"] == pytest.approx(7.08e9, rel=0.025)
    assert counts["adapters"] == 32 * 4 * 16 * (4096 + 4096)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = LMPMpp(TINY).eval()
    model.language.add_adapters()
    return model


def random_prompt(words=4, modality="text"):
    width = {"text": 12, "audio": 10}[modality]
    return EncodedPrompt(torch.randn(width), torch.randn(words, width), modality)


def random_frames(count):
    return torch.rand(count, 3, 64, 96) * 255


@torch.inference_mode()
@pytest.mark.parametrize("modality", ["text", "audio"])
def test_generate_decodes_a_mask_trajectory_per_seg_token(model, modality):
    prompt = random_prompt(modality=modality)
    outputs = model.generate(model.encode_frames(random_frames(3)), prompt)
    assert outputs.num_objects == len(outputs.seg_states) == len(outputs.mask_logits)
    assert outputs.mask_logits.shape == (outputs.num_objects, 3, 16, 24)
    assert outputs.seg_states.shape == (outputs.num_objects, 32)
    assert outputs.logits.shape == (2 + max(1, outputs.num_objects), 26)
    assert model.anchor(prompt).shape == (12,)


@torch.inference_mode()
@pytest.mark.parametrize("modality", ["text", "audio"])
def test_forward_with_the_generated_number_of_objects_equals_generate(model, modality):
    features, prompt = model.encode_frames(random_frames(3)), random_prompt(modality=modality)
    generated = model.generate(features, prompt)
    embeddings = model.extract_objects(features, prompt).embeddings
    forced = model(features, embeddings, prompt, generated.num_objects)
    torch.testing.assert_close(forced.logits, generated.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(forced.mask_logits, generated.mask_logits, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_queries_are_conditioned_on_the_prompt_but_frame_features_are_not(model):
    features = model.encode_frames(random_frames(2))
    first, second = (model.extract_objects(features, random_prompt()) for _ in range(2))
    assert not torch.allclose(first.embeddings, second.embeddings)


@torch.inference_mode()
def test_seg_states_depend_on_the_order_of_frames(model):
    features, prompt = model.encode_frames(random_frames(3)), random_prompt()
    embeddings = model.extract_objects(features, prompt).embeddings
    ordered, reversed_ = (model(features, e, prompt, 1) for e in (embeddings, embeddings.flip(0)))
    assert not torch.allclose(ordered.seg_states, reversed_.seg_states, atol=1e-5)


@torch.inference_mode()
def test_a_stride_skips_object_tokens_but_not_masks(model):
    features, prompt = model.encode_frames(random_frames(5)), random_prompt()
    generated = model.generate(features, prompt, stride=2)
    embeddings = model.extract_objects(features, prompt).embeddings[[0, 2, 4]]
    forced = model(features, embeddings, prompt, generated.num_objects)
    torch.testing.assert_close(generated.logits, forced.logits, rtol=1e-4, atol=1e-5)
    assert generated.mask_logits.shape[1] == 5


@torch.inference_mode()
def test_generate_in_chunks_equals_all_frames_at_once(model):
    features, prompt = model.encode_frames(random_frames(2 * FRAMES_PER_CHUNK + 3)), random_prompt()
    generated = model.generate(features, prompt)
    embeddings = model.extract_objects(features, prompt).embeddings
    forced = model(features, embeddings, prompt, generated.num_objects)
    torch.testing.assert_close(generated.logits, forced.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(generated.mask_logits, forced.mask_logits, rtol=1e-4, atol=1e-5)


def test_llama_is_frozen_under_its_adapters(model):
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert all(name.startswith(("language.llama.", "language.llama_head.")) for name in frozen)
    assert "language.added_tokens.weight" not in frozen
    assert not [name for name in frozen if ".lora_" in name]
