import pytest
import torch
from torch import nn
from transformers import SwinConfig as TheirConfig
from transformers import SwinModel

from baselines.layers.nn.swin import DropPath, Swin, SwinConfig, relative_position_index, shift_mask

TINY = SwinConfig(channels=12, depths=(2, 3, 2), heads=(2, 3, 4), window=4, patch=2)


def their_state(theirs, config):
    """A transformers Swin's weights under the authors' names."""
    state = {}
    source = theirs.state_dict()
    for key in ("weight", "bias"):
        state[f"patch_embed.proj.{key}"] = source[f"embeddings.patch_embeddings.projection.{key}"]
        state[f"patch_embed.norm.{key}"] = source[f"embeddings.norm.{key}"]
    for stage, depth in enumerate(config.depths):
        for block in range(depth):
            old, new = f"encoder.layers.{stage}.blocks.{block}.", f"layers.{stage}.blocks.{block}."
            for key in ("weight", "bias"):
                attention = old + "attention."
                state[f"{new}attn.qkv.{key}"] = torch.cat(
                    [source[f"{attention}{x}.{key}"] for x in ("q_proj", "k_proj", "v_proj")]
                )
                for ours, its in (
                    ("attn.proj", "attention.o_proj"), ("norm1", "layernorm_before"),
                    ("norm2", "layernorm_after"), ("mlp.fc1", "mlp.fc1"), ("mlp.fc2", "mlp.fc2"),
                ):  # fmt: skip
                    state[f"{new}{ours}.{key}"] = source[f"{old}{its}.{key}"]
            table = source[f"{attention}relative_position_bias.relative_position_bias_table"]
            state[f"{new}attn.relative_position_bias_table"] = table
            state[f"{new}attn.relative_position_index"] = relative_position_index(config.window)
        for key in ("reduction.weight", "norm.weight", "norm.bias"):
            if stage < len(config.depths) - 1:
                state[f"layers.{stage}.downsample.{key}"] = source[f"encoder.layers.{stage}.downsample.{key}"]
    return state


# Every stage's map is larger than the window: transformers shrinks the window on smaller maps, the authors do not.
@pytest.mark.parametrize("size", [(64, 96), (47, 71), (42, 50)])
def test_stages_agree_with_transformers(size):
    torch.manual_seed(0)
    theirs = SwinModel(
        TheirConfig(
            embed_dim=12, depths=[2, 3, 2], num_heads=[2, 3, 4], window_size=4, patch_size=2, image_size=64,
            drop_path_rate=0.0, initializer_range=0.4,
        ),
        add_pooling_layer=False,
    ).eval()  # fmt: skip
    for name, tensor in theirs.state_dict().items():
        if name.endswith(("bias_table", "bias")):
            nn.init.normal_(tensor, std=0.5)
    ours = Swin(TINY).eval()
    missing, unexpected = ours.load_state_dict(their_state(theirs, TINY), strict=False)
    assert not unexpected
    assert set(missing) == {f"norm{i}.{key}" for i in range(3) for key in ("weight", "bias")}
    images = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = theirs(images, output_hidden_states=True, output_hidden_states_before_downsampling=True)
        maps = ours(images)
    for stage, (got, want) in enumerate(zip(maps, expected.reshaped_hidden_states[1:], strict=True)):
        norm = ours.get_submodule(f"norm{stage}")
        torch.testing.assert_close(got, norm(want.permute(0, 2, 3, 1)).permute(0, 3, 1, 2), atol=2e-4, rtol=1e-3)


def test_maps_smaller_than_a_window_are_padded():
    maps = Swin(TINY).eval()(torch.randn(1, 3, 9, 5))
    assert [tuple(x.shape) for x in maps] == [(1, 12, 5, 3), (1, 24, 3, 2), (1, 48, 2, 1)]
    assert all(x.isfinite().all() for x in maps)


def test_shift_mask_separates_what_the_roll_joined():
    mask = shift_mask(8, 8, 4, 2, torch.zeros(1))
    assert mask.shape == (4, 16, 16)
    assert mask[0].eq(0).all()
    last = mask[3].view(4, 4, 4, 4)
    assert last[0, 0, 1, 1] == 0
    assert last[0, 0, 2, 1] == last[0, 0, 1, 2] == last[1, 1, 3, 3] == -100


def test_relative_positions_count_query_minus_key():
    index = relative_position_index(7)
    assert index[0, 0] == 84
    assert index[0, 48] == 0
    assert index[48, 0] == 168
    assert index[8, 0] == (1 + 6) * 13 + (1 + 6)


def test_drop_path_keeps_the_mean():
    torch.manual_seed(0)
    layer = DropPath(0.25).train()
    out = layer(torch.ones(4000, 1))
    assert out.unique().tolist() == [0.0, pytest.approx(1 / 0.75)]
    assert out.mean() == pytest.approx(1, abs=0.05)
    assert torch.equal(layer.eval()(torch.ones(3, 1)), torch.ones(3, 1))
