"""Options of the method: what ``method.yaml`` and ``--set method.<name>=<value>`` may contain."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a variant.

    Attributes:
        contrast: A pixel is foreground from this number of standard deviations above the mean distance on.
    """

    contrast: Annotated[float, Meta(ge=0)]
