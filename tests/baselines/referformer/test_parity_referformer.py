import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.language_queries_keys import authors_key
from baselines.layers.nn.text_encoder import build_roberta
from baselines.referformer.model import ReferFormer
from tests.baselines.language_query_vectors import ALIASES, backbone_of, check_vector, filled, outputs
from tests.baselines.parity import expected_keys, load_vectors, parity_files, tiny_roberta
from tests.baselines.small_vectors import check_thinned, load_small_vector


@pytest.mark.parametrize("path", parity_files("ReferFormer"))
def test_parity_referformer(path):
    model = filled(ReferFormer, backbone_of(path.stem), authors_key)
    check_vector(model, load_vectors(path))


def test_small_vector():
    arrays = load_small_vector("referformer")
    ours = outputs(filled(ReferFormer, "video-swin-t", authors_key), arrays)
    for name, array in ours.items():
        check_thinned(name, array, arrays[name])


@pytest.mark.parametrize("name", ["ReferFormer_resnet50", "ReferFormer_video_swin_t_p4w7"])
def test_keys_are_the_authors(name):
    expected = expected_keys(name)
    with torch.device("meta"):
        state = ReferFormer(backbone_of(name), TextReference(tiny_roberta())).state_dict()
    assert {authors_key(key): tuple(value.shape) for key, value in state.items()} == {
        key: shape for key, shape in expected.items() if key not in ALIASES
    }


@pytest.mark.parametrize(
    ("backbone", "entries", "level_channels"),
    [
        ("resnet50", 804, (256, 512, 1024, 2048)),
        ("resnet101", 1059, (256, 512, 1024, 2048)),
        ("swin-t", 728, (96, 192, 384, 768)),
        ("swin-l", 896, (192, 384, 768, 1536)),
        ("video-swin-t", 720, (96, 192, 384, 768)),
        ("video-swin-s", 888, (96, 192, 384, 768)),
        ("video-swin-b", 888, (128, 256, 512, 1024)),
    ],
)
def test_published_files_have_as_many_entries(backbone, entries, level_channels):
    with torch.device("meta"):
        state = ReferFormer(backbone, TextReference(build_roberta())).state_dict()
    assert len(state) + len(ALIASES) == entries
    first = state["queries.pixel_decoder.adapter_1.weight"]
    rest = [state[f"queries.input_proj.{level}.0.weight"] for level in range(3)]
    assert tuple(weight.shape[1] for weight in (first, *rest)) == level_channels
