"""Read the authors' checkpoints of SgMg."""

from pathlib import Path

from torch import Tensor

from baselines.layers.nn import language_queries_keys
from baselines.layers.nn.language_queries_keys import load_tensors
from baselines.sgmg.model import SgMg

DROPPED = r"text_encoder\.text_backbone\.embeddings\.position_ids"
"""A constant that older versions of transformers saved."""

RENAMED = {
    "text_encoder.": "text_encoder.text_backbone.",
    "resizer.": "text_proj.",
    "sentence_resizer.": "sentence_proj.",
}
"""Authors' prefixes of ours."""


def authors_key(key: str) -> str:
    """Authors' key of our key."""
    key = language_queries_keys.authors_key(key)
    for ours, theirs in RENAMED.items():
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    return key


def load(path: Path, network: SgMg) -> dict[str, Tensor]:
    """Return exactly the tensors of ``network``; see `load_tensors` for files, aliases and errors."""
    return load_tensors(path, network, authors_key, dropped=DROPPED)
