"""Tokenizer of the mini variant: words of its training sentences and of the instruction, in lower case."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from baselines.videollama2.grounding_scratchpad import SCRATCHPAD_TOKENS
from baselines.videollama2.prompt import INSTRUCTION

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "[INST]", "[/INST]", *SCRATCHPAD_TOKENS)
CHAT_TEMPLATE = "{{ bos_token }}{% for message in messages %}[INST]{{ message['content'] }}[/INST]{% endfor %}"


def build_tokenizer(sentences: Iterable[str], size: int) -> PreTrainedTokenizerFast:
    """Build a word tokenizer with at most ``size`` entries, the most frequent words."""
    split = pre_tokenizers.Whitespace()
    words: Counter[str] = Counter()
    for sentence in sentences:
        words.update(word for word, _ in split.pre_tokenize_str(sentence.lower()))
    instruction = sorted({word for word, _ in split.pre_tokenize_str(INSTRUCTION.lower())})
    frequent = sorted((word for word in words if word not in instruction), key=lambda word: (-words[word], word))
    entries = [*SPECIAL, *instruction, *frequent][:size]
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(entries)}, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = split
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        additional_special_tokens=list(SPECIAL[4:]),
        clean_up_tokenization_spaces=True,
        chat_template=CHAT_TEMPLATE,
    )
