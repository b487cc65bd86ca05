"""Weights of LMPM++: the mini variant's own file, and the public files the ``paper`` variant starts from."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from baselines.lmpmpp.extractor import FrameEncoder, LanguageGuidedExtractor, ObjectDecoder
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.language_part import LanguagePart
from baselines.lmpmpp.mini.matcher import Matcher
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import SentenceEncoder, WordTokenizer
from baselines.lmpmpp.mini.speech_encoder import SpeechEncoder
from mevis_bench.records import DataError

FORMAT = "lmpmpp-mini-2"


def build_mini(words: int) -> MiniLMPMpp:
    """Build the mini variant for a vocabulary of ``words`` words, padding and unknown included."""
    extractor = LanguageGuidedExtractor(
        FrameEncoder(MINI.extractor), ObjectDecoder(MINI.extractor, MINI.language.text_channels)
    )
    language = LanguagePart(MINI.extractor, MINI.language, MINI.trajectory)
    matcher = Matcher(MINI.trajectory, MINI.extractor.channels)
    sentences = SentenceEncoder(words, MINI.language.text_channels)
    return MiniLMPMpp(MINI, extractor, sentences, SpeechEncoder(MINI.language.audio_channels), language, matcher)


def untrained_mini(seed: int) -> tuple[MiniLMPMpp, WordTokenizer]:
    """Build the mini variant with random weights and no vocabulary: every word is unknown to it."""
    torch.manual_seed(seed)
    tokenizer = WordTokenizer(())
    return build_mini(len(tokenizer)), tokenizer


def save_mini(
    model: MiniLMPMpp, tokenizer: WordTokenizer, path: Path, *, supports_speech: bool, made_from: Mapping[str, str]
) -> None:
    """Write weights in half precision, with the vocabulary, whether it hears, and what they were made from."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "words": json.dumps(tokenizer.words),
        "hears": str(supports_speech),
        **made_from,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=metadata)


def load_mini(path: Path) -> tuple[MiniLMPMpp, WordTokenizer]:
    """Read what ``save_mini`` wrote.

    Raises:
        DataError: The file is no checkpoint of the mini variant, or does not fit the model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a handle, not a dict)
    except Exception as error:
        raise DataError(f"weights can't be read: {error}", location=str(path)) from error
    if metadata.get("format") != FORMAT:
        raise DataError(f"not weights of lmpmpp's mini variant ({FORMAT})", location=str(path))
    tokenizer = WordTokenizer(json.loads(metadata["words"]))
    model = build_mini(len(tokenizer))
    model.supports_speech = metadata["hears"] == "True"
    try:
        model.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
    except RuntimeError as error:
        raise DataError(
            f"weights don't fit the model: {str(error).splitlines()[1].strip()}", location=str(path)
        ) from error
    return model, tokenizer
