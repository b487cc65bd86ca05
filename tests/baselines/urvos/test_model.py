import pytest
import torch

from baselines.urvos import checkpoint
from baselines.urvos.config import SIZES
from baselines.urvos.model import Memory, Urvos, recall
from baselines.urvos.words import ROWS, word_rows
from mevis_bench.records import DataError


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Urvos().eval()


@torch.inference_mode()
def test_every_frame_gets_a_mask_at_input_size(model):
    images = torch.rand(2, 3, 64, 96)
    frames = model.encode_frames(images)
    assert frames.cells.shape == (2, 512, 2, 3)
    assert frames.key.shape == (2, 128, 4, 6)
    assert [tuple(x.shape) for x in frames.skips] == [(2, 256, 8, 12), (2, 256, 16, 24)]
    sentence = model.encode_text(word_rows("the bird", 4))
    alone = model(frames, sentence, None)
    assert alone.shape == (2, 2, 64, 96)
    memory = model.remember(images, torch.rand(2, 64, 96))
    assert memory.key.shape == (128, 2 * 4 * 6)
    assert not torch.allclose(model(frames, sentence, memory), alone)
    other = model.encode_text(word_rows("a cat", 4))
    assert not torch.allclose(model(frames, other, None), alone)


@torch.inference_mode()
def test_frames_do_not_see_each_other(model):
    images = torch.rand(3, 3, 64, 64)
    sentence = model.encode_text(word_rows("the bird", 4))
    together = model(model.encode_frames(images), sentence, None)
    alone = model(model.encode_frames(images[1:2]), sentence, None)
    torch.testing.assert_close(together[1:2], alone, atol=1e-3, rtol=1e-3)


def test_recall_is_a_softmax_over_remembered_cells():
    torch.manual_seed(0)
    query, memory = torch.randn(2, 3, 2, 2), Memory(torch.randn(3, 5), torch.randn(4, 5))
    expected = torch.einsum("bnhw,vn->bvhw", torch.einsum("bkhw,kn->bnhw", query, memory.key).softmax(1), memory.value)
    torch.testing.assert_close(recall(query, memory), expected, atol=1e-5, rtol=1e-4)


def test_words_are_hashed_cut_and_padded():
    rows = word_rows("The bird, the BIRD's nest", 8)
    assert rows.shape == (1, 8)
    assert rows[0, 0] == rows[0, 2]
    assert rows[0, 1] != rows[0, 3]
    assert rows[0, 5:].tolist() == [0, 0, 0]
    assert rows.max() < ROWS
    assert word_rows("a b c", 2).shape == (1, 2)
    assert word_rows("...", 2).tolist() == [[0, 0]]


def test_imagenet_weights_go_into_both_encoders(model, tmp_path):
    trunk = {key: torch.randn_like(value) for key, value in model.encoder_q.state_dict().items()}
    extra = {"fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1), "bn1.num_batches_tracked": torch.tensor(3)}
    torch.save({**trunk, **extra}, tmp_path / "resnet50.pth")
    fresh = Urvos()
    checkpoint.start_from_imagenet(fresh, tmp_path / "resnet50.pth")
    assert torch.equal(fresh.encoder_q.layer4[0].conv1.weight, trunk["layer4.0.conv1.weight"])
    assert torch.equal(fresh.encoder_m.rgb.layer3[0].conv1.weight, trunk["layer3.0.conv1.weight"])
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"265 missing: conv1\.weight"):
        checkpoint.start_from_imagenet(fresh, tmp_path / "other.pth")


def test_weights_of_another_model_are_refused(tmp_path):
    torch.save({"backbone.conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"1 unexpected: backbone\.conv1\.weight"):
        checkpoint.load(tmp_path / "other.pth", SIZES["base"])
