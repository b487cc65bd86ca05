"""The instruction reaches the model through the checkpoint's own chat template."""

from pathlib import Path

import pytest

from baselines.layers.checkpoints.pretrained import read_tokenizer
from baselines.videollama2.prompt import INSTRUCTION, SYSTEM_MESSAGE, prompt_ids
from baselines.videollama2.word_tokenizer import build_tokenizer
from mevis_bench.records import DataError

MISTRAL_LIKE = "{{ bos_token }}{% for message in messages %}[INST]{{ message['content'] }}[/INST]{% endfor %}"


def test_text_before_and_after_the_video_is_tokenized_apart() -> None:
    tokenizer = build_tokenizer(["the bird flying left"], 100)
    before, after = prompt_ids(tokenizer, "the bird", system_message=False)
    assert tokenizer.convert_ids_to_tokens(before) == ["<s>", "[INST]"]
    assert tokenizer.convert_ids_to_tokens(after) == ["the", "bird", "[/INST]"]


def test_the_system_message_comes_first() -> None:
    tokenizer = build_tokenizer([SYSTEM_MESSAGE], 200)
    tokenizer.chat_template = MISTRAL_LIKE
    before, after = prompt_ids(tokenizer, INSTRUCTION, system_message=True)
    assert tokenizer.unk_token_id not in before + after
    assert tokenizer.convert_ids_to_tokens(before)[:5] == ["<s>", "[INST]", "<<", "sys", ">>"]
    assert tokenizer.convert_ids_to_tokens(before)[-2:] == ["[/INST]", "[INST]"]


def test_rare_words_are_left_out_first_and_sentences_come_back() -> None:
    full = build_tokenizer(["cat cat dog dog rare"], 1000)
    tokenizer = build_tokenizer(["cat cat dog dog rare"], len(full) - 1)
    assert tokenizer.decode(tokenizer("cat rare dog").input_ids, skip_special_tokens=True) == "cat dog"


def test_a_folder_without_a_tokenizer_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read tokenizer"):
        read_tokenizer(tmp_path, chat=True)


def test_a_tokenizer_without_a_chat_template_is_refused(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(["a"], 100)
    tokenizer.chat_template = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(DataError, match="has no chat template"):
        read_tokenizer(tmp_path, chat=True)


def test_a_saved_tokenizer_comes_back(tmp_path: Path) -> None:
    tokenizer = build_tokenizer(["the bird, flying"], 100)
    tokenizer.save_pretrained(tmp_path)
    opened = read_tokenizer(tmp_path, chat=True)
    assert opened("the bird, flying").input_ids == tokenizer("The bird, flying").input_ids
    assert prompt_ids(opened, INSTRUCTION, system_message=False) == prompt_ids(
        tokenizer, INSTRUCTION, system_message=False
    )
