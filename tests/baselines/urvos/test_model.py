import pytest
import torch

from baselines.layers.nn.clip_backbones import PreparedBackbone
from baselines.layers.nn.prepared_maps import PreparedMaps
from baselines.urvos import checkpoint
from baselines.urvos.config import SIZES
from baselines.urvos.model import MapMemoryEncoder, Memory, Urvos, recall
from baselines.urvos.words import ROWS, word_rows
from mevis_bench.records import DataError, UsageError


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Urvos().eval()


@torch.inference_mode()
def test_every_frame_gets_a_mask_at_input_size(model):
    frames = model.encode(torch.randn(2, 3, 64, 96))
    assert frames.cells.shape == (2, 512, 2, 3)
    assert frames.key.shape == (2, 128, 4, 6)
    assert [tuple(x.shape) for x in frames.skips] == [(2, 256, 8, 12), (2, 256, 16, 24)]
    sentence = model.encode_text(word_rows("the bird", 4))
    alone = model(frames, sentence, None)
    assert alone.shape == (2, 2, 64, 96)
    memory = model.remember(frames, torch.rand(2, 64, 96))
    assert memory.key.shape == (128, 2 * 4 * 6)
    assert not torch.allclose(model(frames, sentence, memory), alone)
    other = model.encode_text(word_rows("a cat", 4))
    assert not torch.allclose(model(frames, other, None), alone)


@torch.inference_mode()
def test_frames_do_not_see_each_other(model):
    images = torch.randn(3, 3, 64, 64)
    sentence = model.encode_text(word_rows("the bird", 4))
    together = model(model.encode(images), sentence, None)
    alone = model(model.encode(images[1:2]), sentence, None)
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


def test_weights_of_another_model_are_refused(model, tmp_path):
    torch.save({"backbone.conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(DataError, match=r"1 unexpected: backbone\.conv1\.weight"):
        checkpoint.load(tmp_path / "other.pth", model)


def prepared(frames):
    """Random maps of frames of 72 x 128."""
    maps = [torch.randn(frames, 6, *size) for size in ((18, 32), (9, 16), (5, 8), (3, 4))]
    return PreparedMaps(maps, (frames, 3, 72, 128))


@torch.inference_mode()
def test_maps_stand_in_for_both_encoders():
    torch.manual_seed(0)
    network = Urvos(SIZES["mini"], PreparedBackbone(6))
    clip = prepared(3)
    frames = network.encode(clip)
    sentence = network.encode_text(word_rows("the bird", 4))
    alone = network(frames, sentence, None)
    assert alone.shape == (3, 2, 72, 128)
    torch.testing.assert_close(network(frames.at(slice(1, 2)), sentence, None), alone[1:2], atol=1e-4, rtol=1e-4)
    nothing, everything = (network.remember(frames.at(slice(0, 1)), torch.full((1, 72, 128), x)) for x in (0.0, 1.0))
    assert nothing.value.shape == (16, 5 * 8)
    assert not torch.allclose(nothing.value, everything.value)
    other = network.encode(prepared(1))
    assert not torch.allclose(nothing.value, network.remember(other, torch.zeros(1, 72, 128)).value)


def test_memory_of_maps_sees_where_the_mask_is():
    torch.manual_seed(0)
    encoder = MapMemoryEncoder(6, 4)
    clip = prepared(1)
    left = torch.zeros(1, 1, 72, 128)
    left[..., :64] = 1
    changed = (encoder(clip, left) - encoder(clip, torch.zeros_like(left))).abs().amax((0, 1, 2))
    # The block's two convolutions reach two cells over the border between columns 3 and 4.
    assert (changed[:4] > 0).all()
    assert not changed[6:].any()


def test_imagenet_weights_have_no_place_in_maps(tmp_path):
    with pytest.raises(UsageError, match="the common start has no ResNet"):
        checkpoint.start_from_imagenet(Urvos(SIZES["mini"], PreparedBackbone(6)), tmp_path / "resnet50.pth")
