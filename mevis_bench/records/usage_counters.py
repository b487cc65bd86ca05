"""Counts of what a method consumed besides time and memory, stored with its run (``mevis-bench cost``)."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class CountsUsage(Protocol):
    """A method that counts: requests, tokens, money."""

    def usage_counters(self) -> Mapping[str, float]:
        """Return the counts since ``load``, by name with its unit, for instance ``input_tokens``; they add up."""
        ...
