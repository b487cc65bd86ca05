import pytest
import torch
from torch import nn

from baselines.layers.nn.masked_attention import (
    CrossAttentionLayer,
    FeedForwardLayer,
    MultiHeadAttention,
    SelfAttentionLayer,
    attention_mask,
)


@pytest.fixture
def pair():
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(24, 4, batch_first=True)
    nn.init.normal_(theirs.in_proj_bias)
    ours = MultiHeadAttention(24, 4)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def test_attention_agrees_with_torch(pair):
    ours, theirs = pair
    query, key, value = torch.randn(3, 5, 24), torch.randn(3, 7, 24), torch.randn(3, 7, 24)
    torch.testing.assert_close(ours(query, key, value), theirs(query, key, value)[0])


def test_masks_agree_with_torch(pair):
    ours, theirs = pair
    query, memory = torch.randn(3, 5, 24), torch.randn(3, 7, 24)
    blocked = torch.rand(3, 1, 5, 7) < 0.5
    blocked[..., 0] = False
    expected = theirs(query, memory, memory, attn_mask=blocked.expand(-1, 4, -1, -1).flatten(0, 1))[0]
    torch.testing.assert_close(ours(query, memory, memory, attn_mask=blocked), expected)
    bias = torch.randn(3, 1, 5, 7)
    expected = theirs(query, memory, memory, attn_mask=bias.expand(-1, 4, -1, -1).flatten(0, 1))[0]
    torch.testing.assert_close(ours(query, memory, memory, attn_mask=bias), expected)


def test_key_padding_is_a_mask_over_keys(pair):
    ours, theirs = pair
    query, memory = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
    padding = torch.zeros(2, 7, dtype=torch.bool)
    padding[1, 4:] = True
    expected = theirs(query, memory, memory, key_padding_mask=padding)[0]
    torch.testing.assert_close(ours(query, memory, memory, key_padding_mask=padding), expected)
    blocked = torch.rand(2, 1, 5, 7) < 0.3
    blocked[..., 0] = False
    both = (blocked | padding[:, None, None]).expand(-1, 4, -1, -1).flatten(0, 1)
    expected = theirs(query, memory, memory, attn_mask=both)[0]
    torch.testing.assert_close(ours(query, memory, memory, attn_mask=blocked, key_padding_mask=padding), expected)


def test_positions_go_to_queries_and_keys_only():
    torch.manual_seed(0)
    layer = CrossAttentionLayer(24, 4)
    x, memory = torch.randn(2, 5, 24), torch.randn(2, 7, 24)
    query_pos, pos = torch.randn(5, 24), torch.randn(7, 24)
    expected = layer.norm(x + layer.multihead_attn(x + query_pos, memory + pos, memory))
    got = layer(x, memory, query_pos=query_pos, pos=pos)
    torch.testing.assert_close(got, expected)
    layer = SelfAttentionLayer(24, 4)
    expected = layer.norm(x + layer.self_attn(x + query_pos, x + query_pos, x))
    torch.testing.assert_close(layer(x, query_pos), expected)


def test_feed_forward_agrees_with_torch():
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(24, 4, 48, dropout=0.0, batch_first=True)
    ours = FeedForwardLayer(24, 48)
    ours.linear1, ours.linear2, ours.norm = theirs.linear1, theirs.linear2, theirs.norm2
    x = torch.randn(2, 5, 24)
    torch.testing.assert_close(ours(x), theirs.norm2(x + theirs._ff_block(x)))


def test_background_is_blocked_and_an_empty_mask_sees_everything():
    logits = torch.full((1, 2, 4, 4), -1.0)
    logits[0, 0, :2, :2] = 1.0
    mask = attention_mask(logits, (2, 2))
    assert mask.shape == (1, 1, 2, 4)
    assert mask[0, 0, 0].tolist() == [False, True, True, True]
    assert not mask[0, 0, 1].any()
