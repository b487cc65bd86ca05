"""Read the authors' checkpoints of MUTR."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn import language_queries_keys as shared
from baselines.mutr.model import Mutr


def authors_key(key: str) -> str:
    """The authors' name of a tensor of ours."""
    return "MTA." + key.removeprefix("mta.") if key.startswith("mta.") else shared.authors_key(key)


def load(path: Path, network: Mutr) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return shared.load_tensors(path, network, authors_key)
