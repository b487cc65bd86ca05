"""Prompts of one ``predict`` call that record how far the method has read them."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import overload

from mevis_bench.records import Prompt


class PromptSequence(Sequence[Prompt]):
    """Prompts of one video, read by index, slice or iteration.

    A method that raises, exits or hangs does not report the prompt. One that reads prompts as it predicts was at the
    last one it had read; one that had read further may have been at any of them.

    Attributes:
        last_read: Index of the furthest prompt that was read; ``-1``: none.
    """

    def __init__(self, length: int, load: Callable[[int], Prompt], on_read: Callable[[int], None] | None) -> None:
        self._length = length
        self._load = cache(load)
        self._on_read = on_read
        self.last_read = -1

    @classmethod
    def of(cls, prompts: Sequence[Prompt], on_read: Callable[[int], None] | None = None) -> "PromptSequence":
        """Wrap prompts; a ``PromptSequence`` is returned as it is.

        Args:
            prompts: Prompts of one video.
            on_read: Called with the index whenever a further prompt is read.
        """
        return prompts if isinstance(prompts, cls) else cls(len(prompts), prompts.__getitem__, on_read)

    def map(self, transform: Callable[[Prompt], Prompt]) -> "PromptSequence":
        """Return the transformed prompts; each is transformed once, when it is first read, and counts as read here."""
        return PromptSequence(self._length, lambda index: transform(self._load(index)), self.mark_read)

    def mark_read(self, index: int) -> None:
        """Record that a prompt was read."""
        if index > self.last_read:
            self.last_read = index
            if self._on_read is not None:
                self._on_read(index)

    def unmarked(self) -> list[Prompt]:
        """Return all prompts without recording a read."""
        return [self._load(index) for index in range(self._length)]

    def is_ambiguous(self, position: int) -> bool:
        """Whether a failure in place of prediction ``position`` may be another prompt's."""
        return self._length > 1 and self.last_read != position

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Prompt: ...

    @overload
    def __getitem__(self, index: slice) -> list[Prompt]: ...

    def __getitem__(self, index: int | slice) -> Prompt | list[Prompt]:
        if isinstance(index, slice):
            return [self[place] for place in range(self._length)[index]]
        place = range(self._length)[index]
        self.mark_read(place)
        return self._load(place)
