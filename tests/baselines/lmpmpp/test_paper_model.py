import pytest
import torch

from baselines.lmpmpp.config import PAPER
from baselines.lmpmpp.model import FRAMES_PER_CHUNK, LMPMpp, Question, parameter_counts
from tests.baselines.lmpmpp.small_paper import SMALL


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
    made = LMPMpp(SMALL).eval()
    made.language.add_adapters()
    return made


def ask(words=4, modality="text"):
    width = {"text": 12, "audio": 10}[modality]
    return Question(torch.randn(width), torch.randn(words, width), modality)


@torch.inference_mode()
@pytest.mark.parametrize("modality", ["text", "audio"])
def test_an_answer_has_a_mask_trajectory_per_seg(model, modality):
    features = model.encode_frames(torch.rand(3, 3, 64, 96) * 255)
    question = ask(modality=modality)
    said = model.answer(features, question)
    assert said.count == len(said.seg) == len(said.mask_logits)
    assert said.mask_logits.shape == (said.count, 3, 16, 24)
    assert said.seg.shape == (said.count, 12)
    assert said.logits.shape == (2 + max(1, said.count), 26)
    assert said.anchor.shape == (12,)


@torch.inference_mode()
def test_training_reads_at_once_what_answering_reads_bit_by_bit(model):
    features = model.encode_frames(torch.rand(3, 3, 64, 96) * 255)
    for modality in ("text", "audio"):
        question = ask(modality=modality)
        answered = model.answer(features, question)
        embeddings = model.find_objects(features, question).embeddings
        told = model.forward_teacher_forced(features, embeddings, question, answered.count)
        torch.testing.assert_close(told.logits, answered.logits, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(told.mask_logits, answered.mask_logits, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_queries_are_conditioned_on_the_question_but_the_frames_are_not(model):
    features = model.encode_frames(torch.rand(2, 3, 64, 96) * 255)
    one, other = (model.find_objects(features, ask()) for _ in range(2))
    assert not torch.allclose(one.embeddings, other.embeddings)


@torch.inference_mode()
def test_time_matters_to_the_language_model(model):
    features = model.encode_frames(torch.rand(3, 3, 64, 96) * 255)
    question = ask()
    embeddings = model.find_objects(features, question).embeddings
    one, other = (model.forward_teacher_forced(features, e, question, 1) for e in (embeddings, embeddings.flip(0)))
    assert not torch.allclose(one.seg, other.seg, atol=1e-5)


@torch.inference_mode()
def test_with_a_stride_fewer_objects_are_read_and_all_frames_get_masks(model):
    features, question = model.encode_frames(torch.rand(5, 3, 64, 96) * 255), ask()
    said = model.answer(features, question, stride=2)
    embeddings = model.find_objects(features, question).embeddings[[0, 2, 4]]
    told = model.forward_teacher_forced(features, embeddings, question, said.count)
    torch.testing.assert_close(said.logits, told.logits, rtol=1e-4, atol=1e-5)
    assert said.mask_logits.shape[1] == 5


@torch.inference_mode()
def test_objects_of_a_long_video_are_those_of_looking_at_all_frames_at_once(model):
    features, question = model.encode_frames(torch.rand(2 * FRAMES_PER_CHUNK + 3, 3, 64, 96) * 255), ask()
    said = model.answer(features, question)
    told = model.forward_teacher_forced(
        features, model.find_objects(features, question).embeddings, question, said.count
    )
    torch.testing.assert_close(said.logits, told.logits, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(said.mask_logits, told.mask_logits, rtol=1e-4, atol=1e-5)


def test_only_adapters_added_tokens_and_projections_of_the_language_part_are_trained(model):
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert all(name.startswith(("language.llama.", "language.llama_head.")) for name in frozen)
    assert "language.added_tokens.weight" not in frozen
    assert not [name for name in frozen if ".lora_" in name]
