import torch

from baselines.layers.nn.language_swin import LanguageSwin, WordAttention
from baselines.layers.nn.swin import SwinConfig

TINY = SwinConfig(channels=8, depths=(2, 1), heads=(2, 2), window=4)


def test_word_attention_is_a_softmax_over_the_words():
    torch.manual_seed(0)
    layer = WordAttention(6, 5).eval()
    x, words = torch.randn(2, 6, 11), torch.randn(1, 5, 4)
    query = layer.f_query[0](x)
    query = (query - query.mean(-1, keepdim=True)) / (query.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    weights = (query.transpose(1, 2) @ layer.f_key(words[..., :3]) * 6**-0.5).softmax(-1)
    gathered = layer.W[0](layer.f_value(words[..., :3]) @ weights.transpose(1, 2))
    expected = (gathered - gathered.mean(-1, keepdim=True)) / (
        gathered.var(-1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    got = layer(x, words, torch.tensor([[1, 1, 1, 0]]))  # the fourth word is padding
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_the_stem_knows_no_words_and_the_maps_do():
    torch.manual_seed(0)
    backbone = LanguageSwin(TINY, words=5).eval()
    images, words, mask = torch.randn(1, 3, 32, 40), torch.randn(2, 1, 5, 4), torch.ones(1, 4)
    stem = backbone.stem(images)
    assert stem.shape == (1, 8, 10, 8)
    first, second = backbone(stem, words[0], mask), backbone(stem, words[1], mask)
    assert [tuple(x.shape) for x in first] == [(1, 8, 8, 10), (1, 16, 4, 5)]
    assert not any(torch.allclose(a, b, atol=1e-2) for a, b in zip(first, second, strict=True))
