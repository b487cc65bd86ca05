"""Read the authors' checkpoints of ReferFormer."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn.language_queries_keys import authors_key, load_tensors
from baselines.referformer.model import ReferFormer


def load(path: Path, network: ReferFormer) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return load_tensors(path, network, authors_key)
