import torch

from baselines.dshmp.config import WordFusionConfig
from baselines.dshmp.word_fusion import BiAttention, WordFusion


def by_hand(layer, visual, words, padding):
    """One batch entry, one head at a time, without the shifts, to which a softmax is invariant."""
    width = layer.v_proj.out_features // layer.heads
    visual_values, word_values = layer.values_v_proj(visual), layer.values_l_proj(words)
    for_visual, for_words = torch.zeros_like(visual_values), torch.zeros_like(word_values)
    for head in range(layer.heads):
        part = slice(head * width, (head + 1) * width)
        logits = layer.v_proj(visual)[:, part] @ layer.l_proj(words)[:, part].T / width**0.5
        for_words[:, part] = logits.T.softmax(-1) @ visual_values[:, part]
        for_visual[:, part] = logits[:, ~padding].softmax(-1) @ word_values[~padding][:, part]
    return layer.out_v_proj(for_visual), layer.out_l_proj(for_words)


def test_both_directions_follow_the_definition():
    torch.manual_seed(0)
    layer = BiAttention(12, WordFusionConfig(heads=3, head_channels=8)).eval()
    visual, words = torch.randn(2, 7, 12), torch.randn(2, 5, 12)
    padding = torch.tensor([[False, False, False, True, True]])
    got = layer(visual, words, padding)
    for entry in range(2):
        expected = by_hand(layer, visual[entry], words[entry], padding[0])
        for mine, theirs in zip(got, expected, strict=True):
            torch.testing.assert_close(mine[entry], theirs, atol=1e-5, rtol=1e-4)


def test_words_of_one_sentence_serve_all_frames():
    torch.manual_seed(0)
    layer = WordFusion(16).eval()
    visual, words, padding = torch.randn(3, 7, 16), torch.randn(1, 5, 16), torch.zeros(1, 5, dtype=torch.bool)
    shared = layer(visual, words, padding)
    repeated = layer(visual, words.expand(3, -1, -1), padding)
    for mine, theirs in zip(shared, repeated, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_normalized_tensors_are_what_is_added_to():
    layer = WordFusion(16).eval()
    torch.nn.init.zeros_(layer.gamma_v)
    torch.nn.init.zeros_(layer.gamma_l)
    visual, words = torch.randn(1, 7, 16) * 5 + 3, torch.randn(1, 4, 16) * 5 + 3
    got = layer(visual, words, torch.zeros(1, 4, dtype=torch.bool))
    for mine, x in zip(got, (visual, words), strict=True):
        torch.testing.assert_close(mine, torch.nn.functional.layer_norm(x, (16,)))
