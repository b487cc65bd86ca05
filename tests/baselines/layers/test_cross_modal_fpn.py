import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baselines.layers.nn.cross_modal_fpn import CrossModalBlock, CrossModalFpn, Level, Words


def randomized(module: nn.Module) -> nn.Module:
    for parameter in module.parameters():
        parameter.data.normal_(0, 0.3)
    return module.eval()


def level(frames, channels, height, width, pieces, padding=None):
    maps = torch.randn(frames, channels, height, width).split(pieces)
    return Level(list(maps), torch.randn(1, channels, height, width), padding)


def packed(attention, channels, heads):
    """torch's own attention with the same weights."""
    reference = nn.MultiheadAttention(channels, heads, batch_first=True)
    reference.load_state_dict(attention.state_dict())
    return reference.eval()


def test_self_attention_runs_over_all_frames_on_a_coarser_grid():
    torch.manual_seed(0)
    block = randomized(CrossModalBlock(16, 2, 32, reduction=2))
    clip = level(3, 16, 5, 7, [2, 1])
    x = torch.cat(clip.maps)
    # Nearest cells of a 2 x 3 grid on 5 x 7: rows 0, 2 and columns 0, 2, 4.
    values = x[:, :, [0, 2]][..., [0, 2, 4]]
    queries = (x + clip.position)[:, :, [0, 2]][..., [0, 2, 4]]
    sequence = [part.permute(0, 2, 3, 1).reshape(1, -1, 16) for part in (queries, queries, values)]
    out = packed(block.self_attn, 16, 2)(*sequence)[0].view(3, 2, 3, 16).permute(0, 3, 1, 2)
    out = x + F.interpolate(out, size=(5, 7), mode="bilinear", align_corners=False)
    with torch.no_grad():
        expected = block.norm1(out.flatten(2).transpose(1, 2))
        torch.testing.assert_close(torch.cat(block.attend_clip(clip)), expected, atol=1e-5, rtol=1e-5)


def test_what_padding_holds_does_not_reach_the_image():
    torch.manual_seed(0)
    block = randomized(CrossModalBlock(16, 2, 32, reduction=1))
    padding = torch.zeros(1, 4, 6, dtype=torch.bool)
    padding[:, 3:] = True
    padding[:, :, 4:] = True
    clip = level(3, 16, 4, 6, [2, 1], padding)
    other = Level([torch.where(padding[:, None], 100.0, piece) for piece in clip.maps], clip.position, padding)
    ours, theirs = (torch.cat(block.attend_clip(x)).unflatten(1, (4, 6)) for x in (clip, other))
    torch.testing.assert_close(ours[:, :3, :4], theirs[:, :3, :4])
    blind = Level(other.maps, clip.position)
    assert (torch.cat(block.attend_clip(blind)).unflatten(1, (4, 6))[:, :3, :4] - ours[:, :3, :4]).abs().max() > 0.01


def test_padding_words_are_not_seen():
    torch.manual_seed(0)
    block = randomized(CrossModalBlock(16, 2, 32, reduction=1))
    features, position = torch.randn(5, 16), torch.randn(5, 16)
    short = Words(features[:3], position[:3])
    padded = Words(features, position, torch.tensor([False, False, False, True, True]))
    tokens, place = torch.randn(2, 12, 16), torch.randn(1, 16, 3, 4)
    torch.testing.assert_close(
        block.attend_words(tokens, place, padded), block.attend_words(tokens, place, short), atol=1e-6, rtol=1e-6
    )


@pytest.mark.parametrize("pieces", [[3], [1, 2], [1, 1, 1]])
def test_frames_come_in_pieces_to_the_same_result(pieces):
    torch.manual_seed(0)
    fpn = randomized(CrossModalFpn(12, channels=16, heads=2, feedforward=32))
    words = Words(torch.randn(4, 16), torch.randn(4, 16))
    levels = [level(3, 16, 32 // 2**i, 16 // 2**i, [3]) for i in range(4)]
    cut = [Level(list(x.maps[0].split(pieces)), x.position, x.padding) for x in levels]

    def decoded(levels):
        fine, *coarse = levels
        return list(fpn(fpn.fine_tokens(fine), fine.position, coarse, words))

    with torch.no_grad():
        (whole,), parts = decoded(levels), decoded(cut)
    assert [len(part) for part in parts] == pieces
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-5)


def test_levels_below_reach_the_finest():
    torch.manual_seed(0)
    fpn = randomized(CrossModalFpn(12, channels=16, heads=2, feedforward=32))
    words = Words(torch.randn(4, 16), torch.randn(4, 16))
    fine, *coarse = [level(1, 16, 32 // 2**i, 16 // 2**i, [1]) for i in range(4)]
    tokens = fpn.fine_tokens(fine)
    with torch.no_grad():
        (before,) = fpn(tokens, fine.position, coarse, words)
        for index in range(3):
            changed = list(coarse)
            changed[index] = Level([coarse[index].maps[0] + 1], coarse[index].position, coarse[index].padding)
            (after,) = fpn(tokens, fine.position, changed, words)
            assert not torch.allclose(before, after)
