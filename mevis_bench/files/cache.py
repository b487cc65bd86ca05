"""The user's folder of what mevis-bench keeps between runs: weights, environments, generated videos, agreements."""

from pathlib import Path


def cache_path(name: str) -> Path:
    """Return a file or folder in ``~/.cache/mevis-bench``; it need not exist.

    Args:
        name: ``weights``, ``transcripts``, ``mini``, ``environments`` or ``licenses.json``.
    """
    return Path.home() / ".cache" / "mevis-bench" / name
