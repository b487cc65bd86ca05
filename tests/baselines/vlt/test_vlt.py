"""VLT: its square, its GRU, temporal context, and one mask per frame."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from baselines.layers.inputs.word_vectors import TRAINED_SEED, SeededVectors, word_table
from baselines.vlt.backbone import ConvNorm
from baselines.vlt.checkpoint import load_network
from baselines.vlt.config import SIZES
from baselines.vlt.letterbox import Letterbox
from baselines.vlt.method import VltMethod, load
from baselines.vlt.model import Vlt
from baselines.vlt.options import Options
from baselines.vlt.sentence import OriginalGru
from baselines.vlt.transformer import ReluAttention, coordinates
from mevis_bench.records import DataError, MethodConfig, SpeechPrompt, TextPrompt
from tests.fixtures.noise_video import noise_video

PROMPTS = [TextPrompt("0", "The bird flying away"), TextPrompt("1", "two dogs"), TextPrompt("2", "")]
CONFIG = SIZES["mini"]
OPTIONS = Options(size="mini", backbone="darknet", temporal_context=True, threshold=0.5, chunk=8)


@pytest.mark.parametrize(
    ("height", "width", "inner", "rows", "columns"),
    [
        (100, 200, (48, 96), (24, 72), (0, 96)),
        (96, 96, (96, 96), (0, 96), (0, 96)),
        (200, 90, (96, 43), (0, 96), (26, 69)),
    ],
)
def test_a_frame_is_in_the_middle_of_grey(height, width, inner, rows, columns) -> None:
    box = Letterbox(height, width, 96)
    assert box.inner == inner
    assert [(part.start, part.stop) for part in box.window] == [rows, columns]
    frames = torch.full((2, height, width, 3), 255, dtype=torch.uint8)
    square = box.apply(frames)
    assert square.shape == (2, 3, 96, 96)
    assert (square[:, :, slice(*rows), slice(*columns)] == 1).all()
    assert square.ne(1).sum() == 2 * 3 * (96 * 96 - inner[0] * inner[1])
    assert set(square.unique().tolist()) <= {0.5, 1.0}


def test_scaling_back_inverts_scaling_there() -> None:
    """A bright rectangle of a frame is true in the frame, whatever the square cuts."""
    frame = torch.zeros(1, 60, 120, 3, dtype=torch.uint8)
    frame[:, 20:40, 30:90] = 255
    box = Letterbox(60, 120, 96)
    logits = (box.apply(frame)[:, 0] - 0.45) * 100
    mask = box.undo(logits, 0.35)
    truth = frame[..., 0] > 0
    assert mask.shape == (1, 60, 120)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.9


def test_the_threshold_is_one_of_probabilities() -> None:
    box = Letterbox(8, 8, 32)
    logits = torch.full((1, 16, 16), -0.5)  # probability 0.378
    assert box.undo(logits, 0.35).all()
    assert not box.undo(logits, 0.4).any()


def test_gru_by_hand() -> None:
    """The reset gate acts before the recurrent product; torch's GRU resets the product."""
    torch.manual_seed(0)
    gru = OriginalGru(4)
    torch.nn.init.normal_(gru.bias)
    words, state = torch.randn(1, 3, 300), torch.zeros(4)
    (wz, wr, wn), (uz, ur, un), (bz, br, bn) = (p.chunk(3) for p in (gru.kernel, gru.recurrent, gru.bias))
    for step, expected in zip(words[0], gru(words)[0], strict=True):
        z, r = (wz @ step + uz @ state + bz).sigmoid(), (wr @ step + ur @ state + br).sigmoid()
        n = (wn @ step + un @ (r * state) + bn).tanh()
        state = z * state + (1 - z) * n
        torch.testing.assert_close(expected, state)


def test_strided_convolutions_are_padded_left_and_top() -> None:
    layer = ConvNorm(1, 1, 3, stride=2).eval()
    with torch.no_grad():
        layer.conv.weight.zero_()
        layer.conv.weight[0, 0, 0, 0] = 1  # takes the pixel left of and above the center
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = layer(x)[0, 0] * (1 + 1e-3) ** 0.5
    torch.testing.assert_close(out, torch.tensor([[0.0, 0.0], [0.0, 5.0]]))


def test_a_query_sees_no_later_one() -> None:
    torch.manual_seed(0)
    attention, x = ReluAttention(8, 2), torch.randn(1, 4, 8)
    changed = x.clone()
    changed[:, 3] += 1
    first, second = (attention(y, y, y, causal=True) for y in (x, changed))
    assert torch.equal(first[:, :3], second[:, :3])
    assert (first >= 0).all()


def test_coordinates() -> None:
    places = coordinates(2, 3, torch.device("cpu"))
    assert places.shape == (1, 6, 2, 3)
    assert places[0, 0].tolist() == [[-1, 0, 1], [-1, 0, 1]]
    assert places[0, 5].tolist() == [[-1, -1, -1], [1, 1, 1]]


@pytest.fixture(scope="module")
def network() -> Vlt:
    torch.manual_seed(0)
    return Vlt(CONFIG, temporal_context=True).eval()


def responses(network: Vlt, frames: torch.Tensor) -> torch.Tensor:
    words = network.read(word_table(["a", "bird"], SeededVectors(0), 15))
    return network.respond(network.backbone(frames), words).balanced


@torch.inference_mode()
def test_temporal_context_starts_as_the_image_network(network: Vlt) -> None:
    image = Vlt(CONFIG).eval()
    image.load_state_dict({key: value for key, value in network.state_dict().items() if not key.startswith("temporal")})
    frames = torch.rand(3, 3, 128, 128)
    balanced = responses(network, frames)
    torch.testing.assert_close(image.draw(image.connect(responses(image, frames))), network.draw(balanced))
    assert torch.equal(network.connect(balanced), balanced)


@torch.inference_mode()
def test_temporal_context_connects_frames_and_knows_their_order() -> None:
    torch.manual_seed(0)
    network = Vlt(CONFIG, temporal_context=True).eval()
    torch.nn.init.normal_(network.temporal.out.weight)
    balanced = torch.randn(4, CONFIG.queries, CONFIG.width)
    whole = network.connect(balanced)
    changed = balanced.clone()
    changed[3] += 1
    assert not torch.allclose(network.connect(changed)[0], whole[0], atol=1e-4)
    order = [2, 0, 3, 1]
    assert not torch.allclose(network.connect(balanced[order]), whole[order], atol=1e-4)


def test_chunks_and_other_prompts_change_nothing(network: Vlt, tmp_path: Path) -> None:
    video = noise_video(tmp_path, 3, 40, 64)
    vectors = SeededVectors(0)
    together = list(VltMethod(network, vectors, OPTIONS, "cpu").predict(video, PROMPTS))
    small = VltMethod(
        network, vectors, Options(size="mini", backbone="darknet", temporal_context=True, threshold=0.5, chunk=1), "cpu"
    )
    for prompt, prediction in zip(PROMPTS, together, strict=True):
        (alone,) = small.predict(video, [prompt])
        assert alone.masks.shape == (3, 40, 64)
        assert (alone.masks != prediction.masks).mean() < 1e-3  # sums of another size round differently
    with pytest.raises(TypeError, match="VLT requires a text prompt, got SpeechPrompt"):
        next(small.predict(video, [SpeechPrompt("0", tmp_path / "a.wav")]))


def test_weights_are_loaded_strictly(network: Vlt, tmp_path: Path) -> None:
    path = tmp_path / "vlt.safetensors"
    save_file(network.state_dict(), path)
    method = load(MethodConfig("rvos", "mini", OPTIONS, {"model": path}, "cpu", 0))
    frames = torch.rand(2, 3, 128, 128)
    with torch.inference_mode():
        torch.testing.assert_close(responses(method.network, frames), responses(network, frames))
    assert np.array_equal(method.vectors["bird"], SeededVectors(TRAINED_SEED)["bird"])
    with pytest.raises(DataError, match=r"14 unexpected: temporal\."):
        load_network(path, CONFIG, temporal_context=False)
