"""LBDT's protocol: which earlier frame, how masks are drawn, and one answer per prompt."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from baselines.lbdt.checkpoint import our_key, read_checkpoint
from baselines.lbdt.method import LbdtMethod, draw, earlier_frame, load
from baselines.lbdt.model import Lbdt
from baselines.lbdt.options import Options
from mevis_bench.records import DataError, MethodConfig, TextPrompt, Video


@pytest.mark.parametrize(
    ("names", "index", "earlier"),
    [
        (["00000", "00005", "00010"], 2, 1),
        (["00000", "00005", "00010"], 0, 0),
        ([f"{i:05d}" for i in range(9)], 7, 2),
        ([f"{i:05d}" for i in range(9)], 3, 0),
        (["00002", "00004", "00006"], 2, 0),
        ([f"frame{i}" for i in range(9)], 7, 2),
    ],
)
def test_the_earlier_frame_is_found_by_number(names: list[str], index: int, earlier: int) -> None:
    assert earlier_frame(names, index, 5) == earlier


def test_a_scaled_mask_keeps_every_touched_pixel() -> None:
    inside = np.zeros((1, 320, 320), bool)
    inside[0, 100, 200] = True
    drawn = draw(inside, 640, 640)
    rows, columns = np.nonzero(drawn[0])
    # Corners aligned: cell i of the small mask reaches to less than one cell on either side.
    assert rows.min() == int(99 * 639 / 319) + 1
    assert rows.max() == int(np.ceil(101 * 639 / 319)) - 1
    assert (rows.max() - rows.min(), columns.max() - columns.min()) == (3, 3)


def setup(interval: int = 5) -> MethodConfig:
    return MethodConfig("rvos", "lbdt-4", Options(size="mini", side=320, interval=interval), None, "cpu", seed=3)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    folder = tmp_path_factory.mktemp("frames")
    pixels = np.random.default_rng(0).integers(0, 255, (2, 40, 60, 3), dtype=np.uint8)
    paths = []
    for index, frame in enumerate(pixels):
        paths.append(folder / f"{index:05d}.png")
        Image.fromarray(frame).save(paths[-1])
    return Video("v", tuple(path.stem for path in paths), tuple(paths), 40, 60)


def test_together_is_the_same_as_one_at_a_time(video: Video) -> None:
    method = load(setup())
    prompts = [TextPrompt("0", "the bird flying away"), TextPrompt("1", "two cats")]
    together = list(method.predict(video, prompts))
    alone = next(method.predict(video, prompts[1:]))
    assert [one.masks.shape for one in together] == [(2, 40, 60)] * 2
    assert alone.target_score is None
    assert np.array_equal(together[1].masks, alone.masks)


def test_a_file_of_another_network_is_refused_with_the_first_keys(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 7, 7), "head.weight": torch.zeros(1)}, path)
    with torch.device("meta"):
        network = Lbdt()
    with pytest.raises(DataError, match=r"image_trunk\.bn1\.weight.*1 unexpected: head\.weight"):
        read_checkpoint(path, network)


def test_trunk_names_are_translated() -> None:
    assert our_key("res4_2.5.conv3.weight") == "difference_trunk.layer3.5.conv3.weight"
    assert our_key("bn1_1.running_mean") == "image_trunk.bn1.running_mean"
    assert our_key("conv_r4_1_up.0.weight") == "conv_r4_1_up.0.weight"


def test_the_method_needs_text(video: Video) -> None:
    with torch.device("meta"):
        network = Lbdt()
    method = LbdtMethod(network, vectors={}, side=320, interval=5, device="cpu")
    with pytest.raises(TypeError, match="LBDT reads text"):
        next(method.predict(video, [object()]))


def test_differences_have_no_sign(video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    method, seen = load(setup(interval=1)), []
    encode = method.network.encode_frames
    monkeypatch.setattr(
        method.network,
        "encode_frames",
        lambda images, differences: seen.append((images, differences)) or encode(images, differences),
    )
    next(method.predict(video, [TextPrompt("0", "the bird flying away")]))
    ((images, differences),) = seen
    # Frame 0 is compared with itself, frame 1 with frame 0.
    assert not differences[0].any()
    torch.testing.assert_close(
        differences[1], torch.maximum(images[1], images[0]) - torch.minimum(images[1], images[0])
    )
