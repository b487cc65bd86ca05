"""Weights file of the mini variant (``weights/mini.safetensors``)."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open

from baselines.layers.checkpoints.weights_file import save_weights
from baselines.lmpmpp.mini.config import MINI
from baselines.lmpmpp.mini.model import MiniLMPMpp
from baselines.lmpmpp.mini.sentence_encoder import WordTokenizer
from mevis_bench.records import DataError

FORMAT = "lmpmpp-mini-2"

SPEECH_KEY = "hears"
"""Metadata key of ``supports_speech`` in this format."""


def build_random(seed: int) -> tuple[MiniLMPMpp, WordTokenizer]:
    """Build a randomly initialized model with an empty vocabulary, to which every word is unknown."""
    torch.manual_seed(seed)
    tokenizer = WordTokenizer(())
    return MiniLMPMpp(MINI, len(tokenizer)), tokenizer


def save_mini(model: MiniLMPMpp, tokenizer: WordTokenizer, path: Path, metadata: Mapping[str, str]) -> None:
    """Write weights in half precision, vocabulary and ``supports_speech``; ``metadata`` goes into the header, too."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous().cpu()
        for name, value in model.state_dict().items()
    }
    header = {
        "format": FORMAT,
        "words": json.dumps(tokenizer.words),
        SPEECH_KEY: str(model.supports_speech),
        **metadata,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(tensors, path, header)


def load_mini(path: Path) -> tuple[MiniLMPMpp, WordTokenizer]:
    """Read a file of ``save_mini``.

    Raises:
        DataError: The file is not a checkpoint of the mini variant, or its tensors do not fit the model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a handle, not a dict)
    except Exception as error:  # safetensors raises its own and several built-in types
        raise DataError(f"cannot read weights: {error}", location=str(path)) from error
    if metadata.get("format") != FORMAT:
        raise DataError(f"not weights of lmpmpp's mini variant ({FORMAT})", location=str(path))
    tokenizer = WordTokenizer(json.loads(metadata["words"]))
    model = MiniLMPMpp(MINI, len(tokenizer))
    model.supports_speech = metadata[SPEECH_KEY] == "True"
    try:
        model.load_state_dict({n: t.float() if t.is_floating_point() else t for n, t in tensors.items()})
    except RuntimeError as error:
        raise DataError(
            f"weights do not fit the model: {str(error).splitlines()[1].strip()}", location=str(path)
        ) from error
    return model, tokenizer
