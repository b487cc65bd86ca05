"""VideoLLaMA 2: published sizes and key names; the parts meet where the authors put them."""

import pytest
import torch

from baselines.videollama2.model import build, build_on_meta, splice, visual_tokens
from baselines.videollama2.sizes import SIZES
from tests.baselines.parity import expected_keys

TOWER = "model.vision_tower.vision_tower.vision_model."


@pytest.mark.parametrize(
    ("name", "millions", "connector", "some_keys"),
    [
        ("7b", 8034.4, "stc_full", ("embeddings.class_embedding", "pre_layrnorm.weight", "post_layernorm.bias")),
        ("2.1-7b", 8420.7, "stcv35_full", ("embeddings.patch_embedding.bias", "head.probe", "post_layernorm.bias")),
    ],
)
def test_published_sizes_and_key_names(name: str, millions: float, connector: str, some_keys: tuple[str, ...]) -> None:
    network = build_on_meta(SIZES[name])
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == millions
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert {TOWER + key for key in some_keys} <= shapes.keys()
    assert {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"} <= shapes.keys()
    assert "model.layers.0.self_attn.q_proj.weight" in shapes
    projector = "model.mm_projector."
    found = {key.removeprefix(projector): shape for key, shape in shapes.items() if key.startswith(projector)}
    assert found == expected_keys(connector)
    assert not any(buffer.is_meta for buffer in network.buffers())


def test_features_are_those_of_the_last_layer_but_one_without_the_class_token() -> None:
    torch.manual_seed(0)
    network = build(SIZES["mini"]).eval()
    frames = torch.randn(2, 3, 96, 96)
    encoder = network.model.vision_tower.vision_tower["vision_model"]
    kept = []
    hook = encoder.encoder.layers[-2].register_forward_hook(lambda _module, _inputs, out: kept.append(out))
    with torch.inference_mode():
        features = network.model.vision_tower(frames)
    hook.remove()
    states = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
    assert torch.equal(features, states[:, 1:])
    assert features.shape == (2, 36, 96)


def test_visual_tokens_stand_where_the_video_is_named() -> None:
    torch.manual_seed(0)
    network = build(SIZES["mini"]).eval()
    with torch.inference_mode():
        visual = visual_tokens(network, torch.randn(1, 8, 3, 96, 96))
        spliced = splice(network, torch.tensor([[5, 6]]), visual, torch.tensor([[7]]))
    assert visual.shape == (1, 5 * 4 * 4, 128)
    assert torch.equal(spliced[:, 2:-1], visual)
    assert torch.equal(spliced[0, -1], network.model.embed_tokens.weight[7])
