import torch

from baselines.layers.nn.pixel_decoder import PixelDecoder, PixelDecoderConfig


def test_small_sizes_and_shapes():
    torch.manual_seed(0)
    decoder = PixelDecoder((8, 16, 24, 32), 16, PixelDecoderConfig(feedforward=24, heads=2, depth=2, groups=4)).eval()
    maps = [
        torch.randn(2, c, *size) for c, size in zip((8, 16, 24, 32), [(9, 12), (5, 6), (3, 3), (2, 2)], strict=True)
    ]
    out = decoder(maps)
    assert [tuple(x.shape) for x in out.levels] == [(2, 16, 2, 2), (2, 16, 3, 3), (2, 16, 5, 6)]
    assert out.fine.shape == out.mask_features.shape == (2, 16, 9, 12)
    assert out.fine.min() == 0


def test_frames_do_not_see_each_other():
    torch.manual_seed(0)
    decoder = PixelDecoder((8, 16), 16, PixelDecoderConfig(feedforward=24, heads=2, depth=1, groups=4)).eval()
    maps = [torch.randn(3, 8, 6, 6), torch.randn(3, 16, 3, 3)]
    alone = decoder([x[1:2] for x in maps])
    torch.testing.assert_close(decoder(maps).mask_features[1:2], alone.mask_features, atol=1e-5, rtol=1e-4)
