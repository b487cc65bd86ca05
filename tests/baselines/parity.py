"""Reference vectors of the original implementations: weights made from key names, inputs, outputs."""

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import RobertaModel

from baselines.layers.nn.text_encoder import TextEncoderConfig, build_roberta
from tests.paths import PARITY

SENTENCE = "the bird flying away slowly"
"""The sentence in all vectors."""
SENTENCE_IDS = (0, 82, 354, 287, 461, 211, 2)
"""Its ids in the vectors' toy tokenizer."""


def parity_files(model: str, *, but_not: tuple[str, ...] = ()) -> list:
    """Every ``parity_<model>*.npz``, whatever its clip size, as test parameters; without any, one skipped parameter.

    Args:
        model: Name that the files start with.
        but_not: Longer names that belong to other models (for ``TransRMOT``: ``TransRMOT_extra``).
    """
    others = tuple(f"parity_{other}" for other in but_not)
    files = sorted(path for path in PARITY.glob(f"parity_{model}*.npz") if not path.name.startswith(others))
    if not files:
        reason = f"no parity_{model}*.npz in {PARITY} (MEVIS_BENCH_PARITY)"
        return [pytest.param(None, marks=pytest.mark.skip(reason=reason), id="none")]
    return [pytest.param(path, id=path.stem.removeprefix("parity_")) for path in files]


def load_vectors(path: Path) -> dict[str, NDArray]:
    """Arrays of one file by name."""
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def expected_keys(model: str) -> dict[str, tuple[int, ...]]:
    """Shapes by key of ``keys_<model>.json`` (the model with the tiny text encoder); skips where it is absent."""
    path = PARITY / f"keys_{model}.json"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {PARITY} (MEVIS_BENCH_PARITY)")
    return {key: tuple(shape) for key, (shape, _) in json.loads(path.read_text()).items()}


def shapes(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Shapes of a module's state dict by key."""
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


@torch.no_grad()
def fill_by_name(module: nn.Module, *, prefix: str = "", named_as: Mapping[str, str] | None = None) -> None:
    """Fill every floating-point parameter and buffer with numbers that follow from its name.

    Args:
        module: What to fill, in place.
        prefix: Put before every key (to fill a part of a model on its own).
        named_as: For a key that must take another key's values (an alias stored apart): that other key.
    """
    for key, tensor in sorted(module.state_dict().items()):
        if tensor.is_floating_point():
            name = prefix + key
            tensor.copy_(named_values(name if named_as is None else named_as.get(name, name), tensor))


def named_values(name: str, like: Tensor) -> Tensor:
    """Values for one key, in the shape and dtype of ``like``."""
    seed = zlib.crc32(name.encode()) & 0x7FFFFFFF
    numbers = np.random.RandomState(seed).standard_normal(like.numel()).astype(np.float32)
    z = torch.from_numpy(numbers).reshape(like.shape)
    if name.endswith("running_var"):
        z = 1 + 0.1 * z.abs()
    elif name.endswith("running_mean"):
        z = 0.1 * z
    elif z.dim() >= 2:
        z = z / max(1, z[0].numel()) ** 0.5
    elif name.endswith("weight") and z.dim() == 1:
        z = 1 + 0.1 * z
    else:
        z = 0.02 * z
    return z.to(like.dtype)


def tiny_roberta_config() -> TextEncoderConfig:
    """The text encoder of all vectors: RoBERTa with two layers and 512 words."""
    return TextEncoderConfig(vocab_size=512, depth=2, feedforward=256, max_positions=130)


def tiny_roberta(*, pooler: bool = True) -> RobertaModel:
    """Build it, not yet filled."""
    return build_roberta(tiny_roberta_config(), pooler=pooler)


def check_close(name: str, ours: Tensor, theirs: NDArray, *, atol: float = 1e-3, rtol: float = 1e-3) -> None:
    """Assert that an array agrees, naming it and its worst cell where it does not."""
    got = ours.detach().cpu().numpy()
    assert got.shape == theirs.shape, f"{name}: {got.shape} instead of {theirs.shape}"
    worst = np.abs(got - theirs).max()
    assert np.allclose(got, theirs, atol=atol, rtol=rtol), f"{name}: off by up to {worst:.3g}"


def check_pixels(name: str, ours: Tensor, theirs: NDArray, *, undecided: float = 1e-3) -> None:
    """Assert that mask logits give the same pixels, > 0, but for pixels whose stored logit is ``undecided``, near 0.

    Which side of 0 those fall on differs between processors: MTTR's vector holds logits of a millionth.
    """
    got = ours.detach().cpu().numpy() > 0
    flipped = (got != (theirs > 0)) & (np.abs(theirs) > undecided)
    assert not flipped.any(), f"{name}: {flipped.sum()} of {flipped.size} pixels differ"
    assert (np.abs(theirs) > undecided).mean() > 0.98, f"{name}: too many logits near 0 to say anything"


def strided(maps: Tensor) -> Tensor:
    """Every 8th channel and every 2nd row and column of ``(t, c, h, w)``, as the vectors keep their large maps."""
    return maps[:, ::8, ::2, ::2]
