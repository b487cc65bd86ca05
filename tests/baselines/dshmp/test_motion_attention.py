import torch

from baselines.dshmp.motion_attention import MotionAttention, align_queries


def test_the_first_frame_keeps_its_order_and_still_queries_too():
    torch.manual_seed(0)
    x = torch.randn(2, 1, 6, 16).expand(-1, 4, -1, -1) * torch.rand(2, 4, 6, 1)
    assert torch.equal(align_queries(x), torch.arange(6).expand(2, 4, -1))


def test_a_cycle_is_followed_the_authors_way():
    """Frame 1 holds frame 0's queries moved on by one: the assignment itself is applied, not its inverse."""
    torch.manual_seed(0)
    first = torch.randn(5, 16)
    moved = first.roll(1, dims=0)  # row r of frame 1 is row r - 1 of frame 0
    order = align_queries(torch.stack((first, moved))[None])
    assert order[0, 1].tolist() == [4, 0, 1, 2, 3]
    assert not torch.equal(moved[order[0, 1]], first)
    assert torch.equal(moved[order[0, 1]], first.roll(2, dims=0))


def test_without_a_gate_queries_come_back_in_their_own_order():
    torch.manual_seed(0)
    layer = MotionAttention(16)
    torch.nn.init.zeros_(layer.res_gate[2].weight)
    x = torch.randn(3, 8, 5, 16)
    torch.testing.assert_close(layer(x, torch.randn(2, 16)), x)


def test_all_frames_of_a_track_get_the_same():
    torch.manual_seed(0)
    layer = MotionAttention(16).eval()
    x = torch.randn(1, 1, 4, 16).expand(-1, 8, -1, -1)
    added = layer(x, torch.randn(3, 16)) - x
    torch.testing.assert_close(added, added[:, :1].expand_as(added), atol=1e-5, rtol=1e-5)
    assert added.abs().max() > 0.01
