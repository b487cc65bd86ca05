"""Options of the variant (``method.yaml``)."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of the variant.

    Attributes:
        sentence: Caption of every target.
    """

    sentence: Annotated[str, Meta(pattern=r"\S", description="a sentence")]
