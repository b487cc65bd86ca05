"""Options of GIT's variants (``method.yaml``)."""

from dataclasses import dataclass
from typing import Literal

from baselines.layers.options import CaptionOptions, Count, Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(CaptionOptions):
    """Options of a variant, in addition to those of all captioners.

    Attributes:
        size: Sizes of the network: the authors' two, a small one, or ``tracks``: one on the common start of the
            mini variants.
        beams: Beams of the search; 1: greedy.
        close_ups: Frames, by number from 0, that are cut to the largest target: a small network sees what it is.
    """

    size: Literal["large", "base", "mini", "tracks"]
    beams: Count
    close_ups: tuple[Size, ...] = ()
