"""Read the authors' checkpoints of OnlineRefer."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn.language_queries_keys import authors_key, load_tensors
from baselines.onlinerefer.model import OnlineRefer

DROPPED = r"criterion\.empty_weight"
"""Class weights of the losses, which the authors' network contains."""


def load(path: Path, network: OnlineRefer) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return load_tensors(path, network, authors_key, dropped=DROPPED)
