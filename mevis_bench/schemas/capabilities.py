"""Methods of the paper's tables and how much of each is here."""

from dataclasses import dataclass
from typing import Literal

OfficialFile = Literal["loads", "none", "-"]
Mini = Literal["shipped", "config", "-"]


@dataclass(frozen=True, slots=True)
class PaperMethod:
    """One method of the paper's tables.

    Attributes:
        title: Name as printed.
        tables: Numbers of the tables.
        method: Name of the method here; ``None``: its published numbers only.
        official_file: ``loads``: a weights file of its authors is named, and a test compares the names of its tensors;
            ``none``: no such file; ``-``: named, but not compared.
        parity: Names of the tests that compare with the original's outputs.
        training: Variants with a training configuration.
        mini: ``shipped``: a mini variant with weights; ``config``: one without; ``-``: none.
    """

    title: str
    tables: tuple[int, ...]
    method: str | None
    official_file: OfficialFile
    parity: tuple[str, ...]
    training: tuple[str, ...]
    mini: Mini


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The file: methods by name, in order of the tables."""

    methods: tuple[PaperMethod, ...]
    schema: Literal[1] = 1
