"""Split of a sentence's tokens into static and motion words (DsHmp)."""

from collections.abc import Sequence

from baselines.layers.inputs.word_tagger import TaggedWord
from baselines.layers.nn.text_encoder import Tokens


def split_tokens(tokens: Tokens, words: Sequence[TaggedWord], length: int) -> tuple[list[int], list[int]]:
    """Split the tokens of a sentence.

    A token belongs to the first word whose characters contain the token's; without one it is neither.

    Args:
        tokens: The sentence's tokens; begin and end are neither.
        words: Its tagged words.
        length: Tokens at this position and later are ignored.

    Returns:
        Ascending positions of static and of motion tokens.
    """
    static: list[int] = []
    motion: list[int] = []
    for position, span in enumerate(tokens.spans[:length]):
        if span is None:
            continue
        for word in words:
            if word.start <= span[0] and span[1] <= word.end:
                (motion if word.motion else static).append(position)
                break
    return static, motion
