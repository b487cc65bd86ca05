"""Record next to weights in the user's store: ``<file>.origin.json``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WeightsRecord:
    """Origin of stored weights.

    Attributes:
        file: Name of the file that they were made from.
        sha256: Its hash.
        stored_sha256: Hash of the stored file.
        source: Repository and commit that it was downloaded from, ``owner/name@commit``; ``None``: added by hand.
    """

    file: str
    sha256: str
    stored_sha256: str
    source: str | None = None
