import pytest
import torch
from transformers import DeformableDetrConfig
from transformers.models.deformable_detr.modeling_deformable_detr import (
    DeformableDetrEncoderLayer,
    DeformableDetrMultiscaleDeformableAttention,
)

from baselines.layers.nn.deformable_attention import (
    DeformableAttention,
    DeformableEncoderLayer,
    cell_centers,
    deformable_attention,
    valid_ratios,
)

SIZES = [(5, 7), (3, 4), (1, 2)]
CELLS = sum(h * w for h, w in SIZES)


@pytest.fixture
def config():
    return DeformableDetrConfig(
        d_model=32, encoder_attention_heads=4, encoder_ffn_dim=48, num_feature_levels=3, encoder_n_points=2,
        dropout=0.0, use_timm_backbone=False, use_pretrained_backbone=False, disable_custom_kernels=True,
    )  # fmt: skip


def randomize(module, seed):
    generator = torch.Generator().manual_seed(seed)
    for tensor in module.state_dict().values():
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.3)


@pytest.mark.parametrize("coordinates", [2, 4])
def test_attention_agrees_with_transformers(config, coordinates):
    theirs = DeformableDetrMultiscaleDeformableAttention(config, num_heads=4, n_points=2)
    ours = DeformableAttention(32, levels=3, heads=4, points=2)
    randomize(theirs, 0)
    ours.load_state_dict(theirs.state_dict())
    query, memory = torch.randn(2, 6, 32), torch.randn(2, CELLS, 32)
    reference = torch.rand(2, 6, 3, coordinates)
    padding = torch.rand(2, CELLS) < 0.3
    expected, _ = theirs(
        query,
        attention_mask=~padding,
        encoder_hidden_states=memory,
        reference_points=reference,
        spatial_shapes=torch.tensor(SIZES),
        spatial_shapes_list=SIZES,
    )
    got = ours(query, reference, memory, SIZES, padding)
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


def test_encoder_layer_agrees_with_transformers(config):
    theirs = DeformableDetrEncoderLayer(config).eval()
    ours = DeformableEncoderLayer(32, 48, levels=3, heads=4, points=2)
    randomize(theirs, 1)
    renamed = {"self_attn_layer_norm": "norm1", "mlp.fc1": "linear1", "fc1": "linear1", "mlp.fc2": "linear2",
               "fc2": "linear2", "final_layer_norm": "norm2"}  # fmt: skip
    state = {}
    for key, tensor in theirs.state_dict().items():
        for old, new in renamed.items():
            if key.startswith(old + "."):
                key = new + key[len(old) :]
        state[key] = tensor
    ours.load_state_dict(state)
    memory, position = torch.randn(2, CELLS, 32), torch.randn(2, CELLS, 32)
    reference = cell_centers(SIZES, torch.ones(2, 3, 2))
    expected = theirs(
        memory,
        attention_mask=torch.ones(2, CELLS, dtype=torch.bool),
        spatial_position_embeddings=position,
        reference_points=reference,
        spatial_shapes=torch.tensor(SIZES),
        spatial_shapes_list=SIZES,
    )
    expected = expected[0] if isinstance(expected, tuple) else expected
    torch.testing.assert_close(ours(memory, position, reference, SIZES), expected, atol=1e-5, rtol=1e-5)


def test_a_sample_at_a_cell_center_is_that_cell():
    value = torch.arange(12.0).view(1, 12, 1, 1)
    locations = torch.tensor([[2.5 / 4, 1.5 / 3], [0.5 / 4, 0.5 / 3], [-1.0, 0.5]]).view(1, 3, 1, 1, 1, 2)
    got = deformable_attention(value, [(3, 4)], locations, torch.ones(1, 3, 1, 1, 1))
    torch.testing.assert_close(got.flatten(), torch.tensor([6.0, 0.0, 0.0]), atol=1e-5, rtol=0)


def test_cell_centers_are_relative_to_the_valid_part():
    paddings = [torch.zeros(1, 2, 4, dtype=torch.bool), torch.zeros(1, 1, 2, dtype=torch.bool)]
    paddings[0][..., 2:] = True
    paddings[1][..., 1:] = True
    ratios = valid_ratios(paddings)
    assert torch.equal(ratios, torch.tensor([[[0.5, 1.0], [0.5, 1.0]]]))
    centers = cell_centers([(2, 4), (1, 2)], ratios)
    # Column 1 of 4 with 2 valid ones: its center is at 1.5 / 2 of the valid part, 1.5 / 4 of the whole.
    torch.testing.assert_close(centers[0, 1, 0], torch.tensor([1.5 / 4, 0.5 / 2]))
    torch.testing.assert_close(centers[0, 8, 0], torch.tensor([0.5 / 2, 0.5]))


def test_heads_start_in_different_directions():
    attention = DeformableAttention(16, levels=2, heads=4, points=3)
    offsets = attention.sampling_offsets(torch.zeros(1, 16)).view(4, 2, 3, 2)
    assert torch.equal(offsets[0, 0], torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0]]))
    assert offsets[:, :, 2].abs().amax(-1).eq(3).all()
