"""Read the authors' checkpoints of SOC."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn import language_queries_keys
from baselines.layers.nn.language_queries_keys import load_tensors
from baselines.soc.model import Soc

RENAMED = {"resizer.": "txt_proj.", "fusion_module.": "vlf."}
"""Authors' prefixes of ours."""


def authors_key(key: str) -> str:
    """Authors' key of our key."""
    key = language_queries_keys.authors_key(key)
    for ours, theirs in RENAMED.items():
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key


def load(path: Path, network: Soc) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return load_tensors(path, network, authors_key, entry="model_state_dict")
