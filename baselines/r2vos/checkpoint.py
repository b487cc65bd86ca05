"""Read the authors' checkpoints of R2-VOS."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn import language_queries_keys
from baselines.layers.nn.language_queries_keys import load_tensors
from baselines.r2vos.model import R2Vos


def authors_key(key: str) -> str:
    """Authors' key of our key."""
    key = language_queries_keys.authors_key(key)
    return f"transformer.{key}" if key.startswith("query_mixer.") else key


def load(path: Path, network: R2Vos) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return load_tensors(path, network, authors_key)
