"""How the files of ReferFormer and MUTR name the tensors of the network they share."""

import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

ALIASES = r"bbox_embed\.\d+\.layers\.\d+\.(weight|bias)"
"""The box heads stand in a file twice; ``transformer.decoder.bbox_embed`` is what is read."""

IGNORED_KEYS = r"(.*\.)?total_(params|ops)|text_encoder\.embeddings\.position_ids"
"""Left behind by a counter of operations, and constants that older versions of transformers saved."""


def authors_key(key: str) -> str:
    """The authors' name of a tensor of ours, which lies under ``queries.`` or ``reference.``."""
    key = key.removeprefix("queries.").removeprefix("reference.")
    return key.replace("backbone.body.", "backbone.0.body.", 1)


def load_tensors(path: Path, network: nn.Module, name: Callable[[str], str]) -> dict[str, Tensor]:
    """Read an authors' file for ``network``.

    Args:
        path: The file: ``{"model": ..., "args": ...}``, or safetensors made of its ``model`` entry.
        network: What it is for.
        name: The authors' name of each of our keys.

    Returns:
        Exactly the network's tensors, under its own keys.

    Raises:
        DataError: The file is not a checkpoint, or not of this network; keys are given by the authors' names.
    """
    tensors = read_tensors(path, entry="model", namespace=True)
    state = network.state_dict()
    dropped = [key for key in tensors if re.fullmatch(ALIASES, key) or re.fullmatch(IGNORED_KEYS, key)]
    matched = match_keys(
        tensors, {name(key): value for key, value in state.items()}, location=str(path), ignored=dropped
    )
    return {key: matched[name(key)] for key in state}
