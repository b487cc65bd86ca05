import pytest
import torch

from baselines.layers.nn.clip_windows import ClipWindows


def may_look(frames, window, shifted):
    """For every pair of window places, by frame number: may the first look at the second? The definition, in loops."""
    total = frames + -frames % window
    order = [(place - window // 2 * shifted) % total for place in range(total)]
    pairs = {}
    for start in range(0, total, window):
        for i in range(window):
            for j in range(window):
                row, column = order[start + i], order[start + j]
                allowed = column < frames
                if shifted and start == 0:
                    allowed = allowed and (i < window // 2) == (j < window // 2)
                if row < frames:
                    pairs[start + i, start + j] = allowed
    return order, pairs


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 7, 9, 12, 13, 17])
@pytest.mark.parametrize("window", [6, 8])
@pytest.mark.parametrize("shifted", [False, True])
def test_every_frame_sees_the_frames_of_its_window(frames, window, shifted):
    queries = 2
    windows = ClipWindows(frames, window, queries, torch.zeros(1))
    x = torch.arange(float(frames)).view(-1, 1, 1).expand(-1, queries, 3)
    cut = windows.split(windows.pad(x), shifted=shifted)
    order, pairs = may_look(frames, window, shifted)
    values = cut[..., 0].reshape(-1, window, queries)
    for place, frame in enumerate(order):
        if frame < frames:
            assert values.flatten(0, 1)[place].eq(frame).all()
    mask = windows.attn_masks[shifted].expand(-1, 1, window * queries, -1).squeeze(1)
    for (row, column), allowed in pairs.items():
        block = mask[row // window].view(window, queries, window, queries)[row % window, :, column % window]
        assert block.eq(0).all() if allowed else block.le(-1000).all(), (row, column)


@pytest.mark.parametrize("shifted", [False, True])
def test_join_undoes_split(shifted):
    windows = ClipWindows(7, 4, 3, torch.zeros(1))
    x = windows.pad(torch.randn(7, 3, 5))
    assert torch.equal(windows.join(windows.split(x, shifted=shifted), shifted=shifted)[0], x)


@pytest.mark.parametrize("shifted", [False, True])
def test_clips_are_cut_as_alone(shifted):
    windows = ClipWindows(7, 4, 3, torch.zeros(1))
    clips = torch.stack([windows.pad(torch.randn(7, 3, 5)) for _ in range(2)])
    together = windows.split(clips, shifted=shifted)
    assert torch.equal(together, torch.cat([windows.split(clip, shifted=shifted) for clip in clips]))
    assert torch.equal(windows.join(together, shifted=shifted), clips)
