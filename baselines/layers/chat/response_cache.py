"""Responses of a chat endpoint on disk, so that the same request is paid for once."""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path

MAX_BYTES = 2**24
"""Largest stored response; a larger file is not ours."""


def default_cache() -> Path:
    """Return the user's folder of responses; it need not exist."""
    return Path.home() / ".cache" / "mevis-bench" / "responses"


class ResponseCache:
    """Bodies of responses by the hash of endpoint and request, which holds model, prompt and frames.

    Args:
        folder: Where they are; created when the first one is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def key(self, endpoint: str, request: Mapping[str, object]) -> str:
        """Return the key of a request: sha256 in hex."""
        text = json.dumps([endpoint, request], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def get(self, key: str) -> object | None:
        """Return a stored response; ``None``: there is none that can be read."""
        path = self._path(key)
        try:
            if path.stat().st_size > MAX_BYTES:
                return None
            response: object = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return response

    def put(self, key: str, response: object) -> None:
        """Store a response; atomic."""
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        draft.write_text(json.dumps(response), encoding="utf-8")
        draft.replace(path)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"
