"""Limits that readers put on files; docs/reference/files.md lists them, and a test compares the list with the code."""

from collections.abc import Mapping
from dataclasses import dataclass

from mevis_bench.records.errors import DataError


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits of one reader, declared as ``BOUNDS`` in its module and enforced from there.

    Attributes:
        files: The files it reads.
        limits: Largest value by unit (``bytes``, ``pixels``, ``digits`` ...); a file beyond is refused before it is
            parsed or decoded. Text: a limit that something else sets.
    """

    files: str
    limits: Mapping[str, int | str]

    def limit(self, unit: str) -> int:
        """Return a numeric limit."""
        value = self.limits[unit]
        assert isinstance(value, int)
        return value

    def check(self, unit: str, value: int, location: str | None) -> None:
        """Compare a value with its limit.

        Raises:
            DataError: It is larger.
        """
        if value > self.limit(unit):
            raise DataError(f"{value} {unit}: expected at most {self.limit(unit)}", location=location)
