"""DsHmp against its authors' outputs."""

import pytest
import torch

from baselines.dshmp.config import DsHmpConfig
from baselines.dshmp.model import DsHmp
from baselines.dshmp.motion_attention import MotionAttention
from baselines.layers.checkpoints.trajectory_checkpoint import IGNORED_KEYS
from tests.baselines.parity import (
    check_close,
    expected_keys,
    fill_by_name,
    load_vectors,
    parity_files,
    shapes,
    tiny_roberta_config,
)
from tests.baselines.small_vectors import check_thinned, load_small_vector
from tests.baselines.trajectory_vectors import (
    DSHMP_SETTINGS,
    MOTION,
    STATIC,
    STRICT,
    check_clip_module,
    check_outputs,
    run_on,
)
from tests.paths import PARITY


@pytest.fixture(scope="module")
def network():
    network = DsHmp(DsHmpConfig(text=tiny_roberta_config())).eval()
    fill_by_name(network)
    return network


def read_sentence(network, vectors):
    """A file's sentence, encoded."""
    ids, mask = torch.from_numpy(vectors["in_lang_tokens"]), torch.from_numpy(vectors["in_lang_mask"])
    with torch.inference_mode():
        return network.encode_text(ids, mask, STATIC, MOTION)


@pytest.fixture(scope="module")
def outputs(network):
    """Our arrays for a file's inputs; the same inputs are run once."""
    known = {}

    def run(vectors):
        key = (vectors["in_frames"].tobytes(), vectors["in_lang_tokens"].tobytes())
        if key not in known:
            known[key] = run_on(network, DSHMP_SETTINGS, read_sentence(network, vectors), vectors["in_frames"])
        return known[key]

    return run


@pytest.mark.parametrize("path", parity_files("dshmp"))
def test_parity_with_the_authors(path, outputs):
    vectors = load_vectors(path)
    check_outputs(outputs(vectors), vectors, strict=path.stem.removeprefix("parity_") in STRICT)


@pytest.mark.parametrize("path", parity_files("dshmp"))
def test_parity_of_the_clip_module_alone(path, network):
    vectors = load_vectors(path)
    check_clip_module(network, read_sentence(network, vectors), vectors)


def test_parity_with_the_numbers_kept_here(outputs):
    vectors = load_small_vector("dshmp")
    for name, array in outputs(vectors).items():
        check_thinned(name, array, vectors[name])


@pytest.mark.parity
def test_parity_of_the_motion_attention_pins_the_alignment():
    path = PARITY / "extra_dshmp_hier.npz"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {PARITY}")
    vectors = load_vectors(path)
    layer = MotionAttention(256).eval()
    fill_by_name(layer, prefix="vita_module.hierarchical_cross.0.")
    windows = torch.from_numpy(vectors["in_x"]).permute(2, 0, 1, 3)
    with torch.inference_mode():
        out = layer(windows, torch.from_numpy(vectors["in_memory"])).permute(1, 2, 0, 3)
    check_close("out_y", out, vectors["out_y"], atol=1e-4, rtol=0)


def test_keys_are_the_authors(network):
    expected = expected_keys("dshmp")
    assert {key: shape for key, shape in expected.items() if key not in IGNORED_KEYS} == shapes(network)


def test_the_full_model_has_its_published_size():
    with torch.device("meta"):
        network = DsHmp()
    assert len(network.state_dict()) + 3 == 1314  # and the three dropped buffers of the losses
    own = [p.numel() for name, p in network.named_parameters() if not name.startswith("text_encoder.")]
    assert round(sum(own) / 1e6, 2) == 92.40
