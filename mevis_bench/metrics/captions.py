"""RMEG: METEOR 1.5 and CIDEr-D by pycocoevalcap, with its Java programs run by this module (the paper, section 5.7).

Sentences are tokenized by the PTB tokenizer, as COCO's tools do. METEOR of several sentences aggregates their
statistics and is not the mean of their scores. CIDEr weighs words by how rare they are in the references of the
evaluated set, so other samples give other scores.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mevis_bench.metrics.java import JavaChild, JavaError, package_folder

EMPTY_CAPTION = "emptycaption"
"""Stands for a caption without a word, which METEOR's protocol cannot express; it matches no reference."""

PUNCTUATION = frozenset(
    ["''", "'", "``", "`", "-LRB-", "-RRB-", "-LCB-", "-RCB-", ".", "?", "!", ",", ":", "-", "--", "...", ";"]
)
"""Tokens that COCO's tools leave out."""


@dataclass(frozen=True, slots=True)
class CaptionSample:
    """A caption and the sentences it is compared with.

    Attributes:
        caption: The predicted sentence; may be empty.
        references: At least one sentence.
    """

    caption: str
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TokenizedSample:
    """The same after tokenizing: lower case, one space between words, no punctuation."""

    caption: str
    references: tuple[str, ...]


def one_line(text: str) -> str:
    """Return a text with every white space and control character as one space.

    A line break of any kind (``\\r``, U+2028, ...) inside a caption would shift all captions after it.
    """
    plain = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in text)
    return " ".join(plain.encode("utf-8", errors="replace").decode("utf-8").split())


class Meteor:
    """METEOR's Java program. Starting takes seconds, so it is started before the captions are known."""

    def __init__(self) -> None:
        """Start the program.

        Raises:
            JavaError: Java or pycocoevalcap is missing.
        """
        # The paraphrases are named because METEOR does not find its own below a folder with blanks.
        paraphrases = ["-a", "data/paraphrase-en.gz"]
        arguments = ["-jar", "-Xmx2G", "meteor-1.5.jar", "-", "-", "-stdio", "-l", "en", "-norm", *paraphrases]
        self._child = JavaChild("METEOR", arguments, package_folder() / "meteor")

    def send(self, samples: Sequence[TokenizedSample]) -> None:
        """Send every sample; METEOR scores them while this process continues.

        Raises:
            JavaError: The program crashed.
        """
        self._child.write([" ||| ".join(["SCORE", *sample.references, sample.caption]) for sample in samples])

    def statistics(self, count: int) -> list[str]:
        """Return METEOR's statistics of the ``count`` samples sent before.

        Raises:
            JavaError: The program crashed or timed out.
        """
        return self._child.read(count)

    def scores(self, statistics: Sequence[str]) -> tuple[list[float], float]:
        """Return the score of every sample, and of all together.

        Raises:
            JavaError: The program crashed, timed out, or sent something else than numbers.
        """
        self._child.write([" ||| ".join(["EVAL", *statistics])])
        lines = self._child.read(len(statistics) + 1)
        try:
            numbers = [float(line) for line in lines]
        except ValueError as error:
            raise JavaError(f"invalid score from METEOR: {error}") from None
        return numbers[:-1], numbers[-1]

    def close(self) -> None:
        """Stop the program."""
        self._child.close()


def tokenize(sentences: Sequence[str]) -> list[str]:
    """Tokenize sentences with the PTB tokenizer; every sentence must be one non-empty line.

    The sentences go through a pipe, because the folder of the package may be read-only.

    Raises:
        JavaError: Java or pycocoevalcap is missing, or the program crashed, timed out or lost a line.
    """
    arguments = [
        "-cp",
        "stanford-corenlp-3.4.1.jar",
        "edu.stanford.nlp.process.PTBTokenizer",
        "-encoding",
        "UTF-8",
        "-preserveLines",
    ]
    child = JavaChild("The PTB tokenizer", [*arguments, "-lowerCase"], package_folder() / "tokenizer")
    try:
        child.write(sentences)
        child.finish_writing()
        lines = child.read(len(sentences))
    finally:
        child.close()
    return [" ".join(word for word in line.split(" ") if word and word not in PUNCTUATION) for line in lines]


def tokenize_samples(samples: Sequence[CaptionSample]) -> list[TokenizedSample]:
    """Tokenize captions and references, every distinct sentence once.

    A caption without a word becomes empty. A reference without a word is left out; a sample that has no other is
    compared with the empty sentence.

    Raises:
        JavaError: As :func:`tokenize`.
    """
    lines = {text: one_line(text) for sample in samples for text in (sample.caption, *sample.references)}
    distinct = sorted({line for line in lines.values() if line})
    tokens = {"": "", **dict(zip(distinct, tokenize(distinct) if distinct else [], strict=True))}
    words = {text: tokens[line] for text, line in lines.items()}
    return [
        TokenizedSample(words[sample.caption], tuple(filter(None, map(words.get, sample.references))) or ("",))
        for sample in samples
    ]


def fill_empty(sample: TokenizedSample) -> TokenizedSample:
    """Return the sample with every empty sentence replaced by a word that nothing matches, for METEOR."""
    return TokenizedSample(
        sample.caption or EMPTY_CAPTION, tuple(reference or f"no{EMPTY_CAPTION}" for reference in sample.references)
    )


def cider_scores(samples: Sequence[TokenizedSample]) -> list[float]:
    """Return CIDEr-D of every sample, in 0..10; words are weighed by the references of all samples given.

    Raises:
        JavaError: pycocoevalcap is not installed.
    """
    package_folder()
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer(n=4, sigma=6.0)
    for sample in samples:
        scorer += (sample.caption, list(sample.references))
    if not any(reference for sample in samples for reference in sample.references):
        return [0.0] * len(samples)
    _, scores = scorer.compute_score()
    return [float(score) for score in scores]


def repeated_captions(captions: Sequence[str], targets: Sequence[tuple[str, frozenset[str]]]) -> list[float | None]:
    """Mark captions that another target of the same video gets as well, compared without case and white space runs.

    Args:
        captions: One caption per sample.
        targets: Video and annotation ids of each sample.

    Returns:
        1 or 0 per sample; ``None`` where the video has one target set only, so that nothing could be repeated.
    """
    sets: dict[str, set[frozenset[str]]] = {}
    targets_of_line: dict[tuple[str, str], set[frozenset[str]]] = {}
    lines = [one_line(caption).lower() for caption in captions]
    for line, (video, ids) in zip(lines, targets, strict=True):
        sets.setdefault(video, set()).add(ids)
        targets_of_line.setdefault((video, line), set()).add(ids)
    return [
        float(len(targets_of_line[video, line]) > 1) if len(sets[video]) > 1 else None
        for line, (video, _) in zip(lines, targets, strict=True)
    ]
