"""Record of a pushed run: ``push.json`` of its repository."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PushRecord:
    """Files of a run that was uploaded, so that what comes back can be verified.

    Attributes:
        files: sha256 by path in the run's folder.
        version: Version of mevis-bench that uploaded it.
        schema: Number of this format.
    """

    files: Mapping[str, str]
    version: str
    schema: Literal[1] = 1
