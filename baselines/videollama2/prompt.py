"""Prompt of the language model: the paper's instruction in the checkpoint's chat template."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

INSTRUCTION = (
    "Write an unambiguous referring expression that unambiguously describes the motion of the masked object(s) "
    "in the video."
)
"""The paper, section 5.7."""

PLACEHOLDER = "<video>"

SYSTEM_MESSAGE = Path(__file__).with_name("system_message.txt").read_text(encoding="utf-8").removesuffix("\n")
"""Llama 2's message, which the authors put before every instruction to a Mistral model, verbatim."""


def prompt_ids(
    tokenizer: PreTrainedTokenizerBase, instruction: str, *, system_message: bool
) -> tuple[list[int], list[int]]:
    """Token ids of the prompt before and after the video, tokenized separately as the authors do."""
    messages = [{"role": "system", "content": SYSTEM_MESSAGE}] if system_message else []
    messages.append({"role": "user", "content": f"{PLACEHOLDER}\n{instruction}"})
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert isinstance(text, str)
    before, after = text.split(PLACEHOLDER)
    first, second = (tokenizer(part, add_special_tokens=False).input_ids for part in (before, after))
    return first, second
