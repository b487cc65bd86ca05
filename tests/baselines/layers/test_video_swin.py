import pytest
import torch

from baselines.layers.nn import video_swin
from baselines.layers.nn.video_swin import (
    VIDEO_SWIN_B,
    VIDEO_SWIN_S,
    VIDEO_SWIN_T,
    VideoSwin,
    VideoSwinBlock,
    VideoSwinSize,
    WindowAttention,
    effective_window,
    partition,
    relative_position_index,
    shift_regions,
    unite,
)
from tests.baselines.torchvision_oracle import import_torchvision

SMALL = VideoSwinSize(dim=32, depths=(2, 2, 1, 1), heads=(1, 2, 4, 8))


def randomize(model: torch.nn.Module) -> None:
    for parameter in model.parameters():
        parameter.data.normal_(0, 0.05)


def to_torchvision(key: str) -> str:
    """Their ``features`` holds stages at even places and mergings between them."""
    parts = key.split(".")
    if parts[0] == "layers":
        parts = ["features", str(2 * int(parts[1])), *parts[3:]]
    elif parts[0] == "downsamples":
        parts = ["features", str(2 * int(parts[1]) + 1), *parts[2:]]
    return ".".join(parts).replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")


def oracle_maps(ours: VideoSwin, size: VideoSwinSize, clip: torch.Tensor) -> list[torch.Tensor]:
    swin = import_torchvision("torchvision.models.video.swin_transformer")
    theirs = swin.SwinTransformer3d([1, 4, 4], size.dim, list(size.depths), list(size.heads), [8, 7, 7]).eval()
    learned = {to_torchvision(key): value for key, value in ours.named_parameters()}
    left_out = theirs.load_state_dict(learned, strict=False)
    assert not left_out.unexpected_keys
    kept = [key for key in left_out.missing_keys if not key.endswith("relative_position_index")]
    assert {key.split(".")[0] for key in kept} == {"norm", "head"}
    maps = []
    x = theirs.patch_embed(clip.transpose(1, 2))
    for index, feature in enumerate(theirs.features):
        x = feature(x)
        if index % 2 == 0:
            maps.append(x.permute(0, 1, 4, 2, 3))
    return maps


@pytest.mark.parametrize(
    ("frames", "height", "width"),
    [
        (3, 64, 96),  # one window in time, several in space; the last stages shrink in height and width
        (9, 33, 61),  # two windows in time, odd sides everywhere
        (17, 20, 120),  # the shifted window is cut in time and width but not in height
        (1, 32, 32),  # a single image
    ],
)
def test_maps_equal_torchvision(frames, height, width):
    torch.manual_seed(frames)
    ours = VideoSwin(SMALL).eval()
    randomize(ours)
    clip = torch.randn(2, frames, 3, height, width)
    with torch.no_grad():
        for mine, theirs in zip(ours(clip), oracle_maps(ours, SMALL, clip), strict=True):
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("size", "entries"), [(VIDEO_SWIN_T, 181), (VIDEO_SWIN_S, 349), (VIDEO_SWIN_B, 349)])
def test_state_dict_has_the_entries_of_the_family(size, entries):
    with torch.device("meta"):
        state = VideoSwin(size).state_dict()
    assert len(state) == entries
    assert state["layers.0.blocks.0.attn.relative_position_bias_table"].shape == (2535, size.heads[0])
    assert state["layers.0.blocks.0.attn.relative_position_index"].shape == (392, 392)


def test_three_stages_have_two_mergings():
    with torch.device("meta"):
        model = VideoSwin(VIDEO_SWIN_T, stages=3)
        maps = model(torch.empty(1, 2, 3, 50, 70))
    assert model.channels == (96, 192, 384)
    assert len(model.downsamples) == 2
    assert [tuple(m.shape) for m in maps] == [(1, 2, 96, 13, 18), (1, 2, 192, 7, 9), (1, 2, 384, 4, 5)]


def test_memory_bound_does_not_change_the_result(monkeypatch):
    torch.manual_seed(0)
    block = VideoSwinBlock(32, 2, shifted=True).eval()
    randomize(block)
    x = torch.randn(1, 9, 10, 9, 32)
    with torch.no_grad():
        whole = block(x)
        monkeypatch.setattr(video_swin, "MAX_VALUES", 1)
        torch.testing.assert_close(block(x), whole, atol=1e-6, rtol=1e-6)


def test_window_shrinks_and_stays_only_along_short_axes():
    assert effective_window((8, 40, 7)) == ((8, 7, 7), (0, 3, 0))
    assert effective_window((5, 4, 9)) == ((5, 4, 7), (0, 0, 3))
    assert effective_window((9, 8, 8)) == ((8, 7, 7), (4, 3, 3))


def test_shrunken_window_takes_the_corner_of_the_full_index():
    attention = WindowAttention(4, 1)
    attention.relative_position_bias_table.data[:, 0] = torch.arange(2535.0)
    full = relative_position_index((8, 7, 7))
    assert torch.equal(attention.bias(28)[0].long(), full[:28, :28])
    # In a window of 1 x 4 x 5, token 5 is the first of the second row; the corner takes it for the sixth of the first.
    assert full[0, 5] == full[0, 0] - 5


def test_relative_position_index_counts_from_the_far_corner():
    index = relative_position_index((8, 7, 7))
    middle = 7 * 169 + 6 * 13 + 6
    assert index[0, 0] == middle
    assert index[0, 1] == middle - 1  # the key lies one column to the right
    assert index[7, 0] == middle + 13  # the query lies one row below
    assert index[49, 0] == middle + 169  # the query lies one frame later
    assert (index.min(), index.max()) == (0, 2534)


def test_partition_is_undone():
    x = torch.arange(2 * 4 * 6 * 4 * 3).view(2, 4, 6, 4, 3)
    windows = partition(x, (2, 3, 2))
    assert windows.shape == (2 * 2 * 2 * 2, 12, 3)
    assert torch.equal(windows[0, :, 0].sort().values, x[0, :2, :3, :2, 0].flatten().sort().values)
    assert torch.equal(unite(windows, (2, 3, 2), tuple(x.shape)), x)


def test_regions_are_cut_along_shifted_axes_only():
    regions = shift_regions((8, 14, 7), (8, 7, 7), (0, 3, 0), torch.device("cpu"))
    assert regions.shape == (2, 392)
    assert regions[0].unique().numel() == 1
    rows = regions[1].view(8, 7, 7)
    assert torch.equal(rows[0, :, 0] == rows[0, 0, 0], torch.tensor([True] * 4 + [False] * 3))
    assert torch.equal(rows, rows[:1, :, :1].expand(8, 7, 7))
