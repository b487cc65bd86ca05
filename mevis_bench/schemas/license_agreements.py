"""Record of the licenses that the user agreed to: ``licenses.json`` in the folder of mevis-bench's caches."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class LicenseAgreements:
    """Licenses that the user agreed to before a download.

    Attributes:
        agreed: The license as it was shown, by repository.
        schema: Number of this format.
    """

    agreed: Mapping[str, str]
    schema: Literal[1] = 1
