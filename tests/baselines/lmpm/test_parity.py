"""LMPM against its authors' outputs."""

import pytest
import torch

from baselines.layers.checkpoints.trajectory_checkpoint import IGNORED_KEYS
from baselines.layers.nn.text_encoder import build_roberta
from baselines.lmpm.model import Lmpm
from tests.baselines.parity import (
    expected_keys,
    fill_by_name,
    load_vectors,
    parity_files,
    shapes,
    tiny_roberta,
)
from tests.baselines.small_vectors import check_thinned, load_small_vector
from tests.baselines.trajectory_vectors import LMPM_SETTINGS, STRICT, check_clip_module, check_outputs, run_on


@pytest.fixture(scope="module")
def network():
    network = Lmpm(tiny_roberta()).eval()
    fill_by_name(network)
    return network


def read_sentence(network, vectors):
    """A file's sentence, encoded."""
    ids, mask = torch.from_numpy(vectors["in_lang_tokens"]), torch.from_numpy(vectors["in_lang_mask"])
    with torch.inference_mode():
        return network.encode_text(ids, mask)


@pytest.fixture(scope="module")
def outputs(network):
    """Our arrays for a file's inputs; the same inputs are run once."""
    known = {}

    def run(vectors):
        key = (vectors["in_frames"].tobytes(), vectors["in_lang_tokens"].tobytes())
        if key not in known:
            known[key] = run_on(network, LMPM_SETTINGS, read_sentence(network, vectors), vectors["in_frames"])
        return known[key]

    return run


@pytest.mark.parametrize("path", parity_files("lmpm"))
def test_parity_with_the_authors(path, outputs):
    vectors = load_vectors(path)
    check_outputs(outputs(vectors), vectors, strict=path.stem.removeprefix("parity_") in STRICT)


@pytest.mark.parametrize("path", parity_files("lmpm"))
def test_parity_of_the_clip_module_alone(path, network):
    vectors = load_vectors(path)
    check_clip_module(network, read_sentence(network, vectors), vectors)


def test_parity_with_the_numbers_kept_here(outputs):
    vectors = load_small_vector("lmpm")
    for name, array in outputs(vectors).items():
        check_thinned(name, array, vectors[name], atol=5e-3 if "pred" in name or "queries" in name else 1e-3)


def test_keys_are_the_authors(network):
    expected = expected_keys("lmpm")
    assert {key: shape for key, shape in expected.items() if key not in IGNORED_KEYS} == shapes(network)


def test_the_full_model_has_its_published_size():
    with torch.device("meta"):
        network = Lmpm(build_roberta())
    assert len(network.state_dict()) + 2 == 885  # and the two dropped buffers of the losses
    own = [p.numel() for name, p in network.named_parameters() if not name.startswith("text_encoder.")]
    assert round(sum(own) / 1e6, 2) == 66.39
