"""Reads of prompts are recorded, so that a failure is assigned to the prompt it belongs to."""

import pytest

from mevis_bench.methods.prompt_sequence import PromptSequence
from mevis_bench.records import Prompt, TextPrompt

PROMPTS = [TextPrompt(str(index), f"text {index}") for index in range(4)]


def test_reads_by_index_slice_and_iteration_are_recorded_once() -> None:
    read: list[int] = []
    prompts = PromptSequence.of(PROMPTS, read.append)
    assert (len(prompts), prompts.last_read, prompts.unmarked()) == (4, -1, PROMPTS)
    assert read == []
    assert prompts[0] is prompts[-4] is PROMPTS[0]
    assert prompts[:2] == PROMPTS[:2]
    assert list(prompts) == PROMPTS
    assert read == [0, 1, 2, 3]
    with pytest.raises(IndexError):
        prompts[4]


def test_only_the_prompt_that_was_read_last_can_have_failed() -> None:
    prompts = PromptSequence.of(PROMPTS)
    assert prompts.is_ambiguous(0)  # nothing was read yet
    iterator = iter(prompts)
    next(iterator)
    assert not prompts.is_ambiguous(0)
    next(iterator)
    assert prompts.is_ambiguous(0)
    assert not prompts.is_ambiguous(1)
    assert not PromptSequence.of(PROMPTS[:1]).is_ambiguous(0)


def test_mapped_prompts_are_transformed_once_when_they_are_read() -> None:
    prompts = PromptSequence.of(PROMPTS)
    transformed: list[str] = []

    def upper(prompt: Prompt) -> TextPrompt:
        assert isinstance(prompt, TextPrompt)
        transformed.append(prompt.id)
        return TextPrompt(prompt.id, prompt.text.upper())

    mapped = prompts.map(upper)
    assert transformed == []
    assert mapped[1] == mapped[1] == TextPrompt("1", "TEXT 1")
    assert transformed == ["1"]
    assert (mapped.last_read, prompts.last_read) == (1, 1)
    assert PromptSequence.of(mapped) is mapped
