"""Place of files on the Hugging Face hub."""

import re
from dataclasses import dataclass

_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubSource:
    """Files of one commit of a repository on the Hugging Face hub.

    Attributes:
        repo: Repository, ``owner/name``.
        revision: Commit, 40 hexadecimal digits; ``None``: none is known here, so ``--revision`` has to name it.
        file: The file in it; ``None``: several, which make a folder.
        files: The files of the folder; empty: one file.
    """

    repo: str
    revision: str | None
    file: str | None = None
    files: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if _REPO.fullmatch(self.repo) is None:
            raise ValueError(f"'hub.repo': expected owner/name, got {self.repo!r}")
        if self.revision is not None and not is_commit(self.revision):
            raise ValueError(f"'hub.revision': expected a commit, 40 hexadecimal digits, got {self.revision!r}")
        if (self.file is None) == (not self.files):
            raise ValueError("'hub': expected either 'file' or 'files'")

    @property
    def names(self) -> tuple[str, ...]:
        """All files, as paths in the repository."""
        return self.files if self.file is None else (self.file,)


def is_commit(text: str) -> bool:
    """Return whether a text is a whole commit id; a branch or a tag, which may move, is none."""
    return _COMMIT.fullmatch(text) is not None
