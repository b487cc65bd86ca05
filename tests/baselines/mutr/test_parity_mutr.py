import pytest
import torch

from baselines.layers.inputs.text_reference import TextReference
from baselines.layers.nn.text_encoder import build_roberta
from baselines.mutr.checkpoint import authors_key
from baselines.mutr.model import Mutr
from tests.baselines.language_query_vectors import ALIASES, backbone_of, check_vector, filled, outputs
from tests.baselines.parity import expected_keys, load_vectors, parity_files, tiny_roberta
from tests.baselines.small_vectors import check_thinned, load_small_vector


@pytest.mark.parametrize("path", parity_files("MUTR"))
def test_parity_mutr(path):
    model = filled(Mutr, backbone_of(path.stem), authors_key)
    arrays = load_vectors(path)
    check_vector(model, arrays)


def test_small_vector():
    arrays = load_small_vector("mutr")
    ours = outputs(filled(Mutr, "video-swin-t", authors_key), arrays)
    for name, array in ours.items():
        check_thinned(name, array, arrays[name])


def test_keys_are_the_authors():
    name = "MUTR_video_swin_t_p4w7"
    with torch.device("meta"):
        state = Mutr(backbone_of(name), TextReference(tiny_roberta())).state_dict()
    expected = {key: shape for key, shape in expected_keys(name).items() if key not in ALIASES}
    assert {authors_key(key): tuple(value.shape) for key, value in state.items()} == expected


@pytest.mark.parametrize(
    ("backbone", "entries"),
    [("resnet50", 911), ("resnet101", 1166), ("swin-l", 1003), ("video-swin-t", 827), ("video-swin-s", 995),
     ("video-swin-b", 995)],
)  # fmt: skip
def test_published_files_have_as_many_entries(backbone, entries):
    with torch.device("meta"):
        state = Mutr(backbone, TextReference(build_roberta())).state_dict()
    assert len(state) + len(ALIASES) == entries
