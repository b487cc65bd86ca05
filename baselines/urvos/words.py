"""Sentences as rows of URVOS's word table.

The paper's table has the 12,099 words of a vocabulary file that is not at hand. Ours has as many rows, and a word's row
is a hash of it, so any text of any data set can be read without a file.
"""

import re
import zlib

import torch
from torch import Tensor

ROWS = 12099
"""Rows of the word table: row 0 is padding."""
PADDING = 0

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def word_rows(text: str, length: int) -> Tensor:
    """Rows of a sentence's words in lower case, cut or padded to ``length``: int64 ``(1, length)``, signs left out."""
    words = _WORD.findall(text.lower())[:length]
    rows = [1 + zlib.crc32(word.encode()) % (ROWS - 1) for word in words]
    return torch.tensor([rows + [PADDING] * (length - len(rows))])
