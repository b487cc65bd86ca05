"""Key names of the authors' files of ReferFormer and its successors for the network that they share."""

import re
from collections.abc import Callable
from pathlib import Path

from torch import Tensor, nn

from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors

ALIASES = r"bbox_embed\.\d+\.layers\.\d+\.(weight|bias)"
"""Second copy of the box heads; ``transformer.decoder.bbox_embed`` is used."""

IGNORED_KEYS = r"(.*\.)?total_(params|ops)|text_encoder\.embeddings\.position_ids"
"""Keys of an operation counter, and constants saved by older versions of transformers."""


def authors_key(key: str) -> str:
    """Authors' key of our key, which starts with ``queries.`` or ``reference.``."""
    key = key.removeprefix("queries.").removeprefix("reference.")
    return key.replace("backbone.body.", "backbone.0.body.", 1)


def load_tensors(
    path: Path, network: nn.Module, name: Callable[[str], str], *, dropped: str = "", entry: str = "model"
) -> dict[str, Tensor]:
    """Read an authors' file for ``network``.

    Args:
        path: The file: ``{"model": ..., "args": ...}``, or safetensors made of that entry.
        network: The network to load.
        name: Maps our keys to the authors'.
        dropped: Pattern of further keys that inference does not use.
        entry: Key of the tensors in a PyTorch file.

    Returns:
        Exactly the network's tensors, under its own keys.

    Raises:
        DataError: The file is not a checkpoint of this network; keys are the authors'.
    """
    tensors = read_tensors(path, entry=entry, namespace=True)
    state = network.state_dict()
    patterns = (ALIASES, IGNORED_KEYS, dropped)
    ignored = [key for key in tensors if any(re.fullmatch(pattern, key) for pattern in patterns)]
    matched = match_keys(
        tensors, {name(key): value for key, value in state.items()}, location=str(path), ignored=ignored
    )
    return {key: matched[name(key)] for key in state}
