"""What Whisper hears, kept: a sound file is transcribed once per recognizer."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.weights import sha256
from mevis_bench.records import DataError, MethodError, MissingWeightsError

RATE = 16000
"""Samples a second that Whisper takes."""

LONGEST = 120
"""Tokens at most: a motion expression has about ten words; without a bound Whisper can repeat itself for minutes."""

AsrModel = Callable[[NDArray[np.float32]], str]


def find_asr_model(name: str, store: Path) -> Path:
    """Return the weights of a speech recognizer.

    Args:
        name: A Whisper size (``base``, ``tiny.en``, ...), an openai-whisper ``.pt`` file, or a transformers folder.
        store: The user's weights store.

    Raises:
        MissingWeightsError: They are not on this machine.
    """
    given = Path(name).expanduser()
    places = (
        given,
        store / "whisper" / f"{name}.pt",
        store / "whisper" / name,
        Path.home() / ".cache" / "whisper" / f"{name}.pt",
    )
    for place in places:
        if place.is_file() or (place / "config.json").is_file():
            return place
    raise MissingWeightsError(
        f"the speech recognizer 'whisper {name}' is not on this machine",
        hint="From:    https://github.com/openai/whisper (license: MIT): whisper.load_model downloads it;\n"
        "         or a transformers folder such as openai/whisper-base from Hugging Face\n"
        f"Put to:  {places[1]} or {places[2]}/\n"
        "Or name a file or folder: --asr-model PATH\n"
        "The written sentence instead, as an oracle: --bridge oracle_text",
    )


class Transcripts:
    """Writes down sound files; what was heard before is read from the folder."""

    def __init__(self, asr_model: Path, folder: Path, device: str) -> None:
        """Look the recognizer's hash up; it is loaded when a file must be heard.

        Args:
            recognizer: An openai-whisper ``.pt`` file or a transformers folder.
            folder: Where transcripts are kept.
            device: A torch device string.
        """
        self._weights = asr_model
        self._device = device
        self._folder = folder / sha256(asr_model)[:16]
        self._hear: AsrModel | None = None

    def __call__(self, audio: Path) -> str:
        """Return what is heard in a sound file.

        Raises:
            DataError: The file is no sound file.
            MethodError: The recognizer's package is not installed.
        """
        place = self._place(audio)
        known = self.known(audio)
        if known is not None:
            return known
        if self._hear is None:
            self._hear = _load(self._weights, self._device)
        text = self._hear(read_waveform(audio)).strip()
        atomic_write(place, json.dumps({"text": text}, ensure_ascii=False) + "\n")
        return text

    def known(self, audio: Path) -> str | None:
        """Return what was heard in a sound file before; ``None``: it was not heard yet, or is not there."""
        try:
            return str(json.loads(self._place(audio).read_text(encoding="utf-8"))["text"])
        except (FileNotFoundError, DataError):
            return None

    def _place(self, audio: Path) -> Path:
        try:
            return self._folder / f"{hashlib.sha256(audio.read_bytes()).hexdigest()}.json"
        except OSError as error:
            raise DataError(f"sound can't be read: {error.strerror}", location=str(audio)) from error


def read_waveform(audio: Path) -> NDArray[np.float32]:
    """Read a sound file (wav, flac, ogg, mp3) as one channel of 16,000 samples a second.

    Raises:
        DataError: The file is missing, is no sound file, or holds no sample.
    """
    import soundfile
    from scipy.signal import resample_poly

    try:
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"sound can't be read: {error}", location=str(audio)) from error
    if len(samples) == 0:
        raise DataError("sound file holds no sample", location=str(audio))
    divisor = int(np.gcd(rate, RATE))
    waveform: NDArray[np.float32] = resample_poly(samples.mean(axis=1), RATE // divisor, rate // divisor)
    return waveform.astype(np.float32)


def _load(weights: Path, device: str) -> AsrModel:
    try:
        return _load_transformers(weights, device) if weights.is_dir() else _load_openai(weights, device)
    except ImportError as error:
        raise MethodError(
            f"speech needs the package '{error.name}', which is not installed", hint="pip install 'mevis-bench[asr]'"
        ) from error


def _load_openai(weights: Path, device: str) -> AsrModel:
    import whisper

    model = whisper.load_model(str(weights), device=device)

    def encode_speech(waveform: NDArray[np.float32]) -> str:
        heard = model.transcribe(
            waveform,
            language="en",
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            fp16=device.startswith("cuda"),
            sample_len=LONGEST,
            verbose=None,
        )
        return str(heard["text"])

    return encode_speech


def _load_transformers(weights: Path, device: str) -> AsrModel:
    from transformers import pipeline

    model: Any = pipeline("automatic-speech-recognition", model=str(weights), device=device)

    def encode_speech(waveform: NDArray[np.float32]) -> str:
        heard = model({"raw": waveform, "sampling_rate": RATE}, generate_kwargs={"max_new_tokens": LONGEST})
        return str(heard["text"])

    return encode_speech


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return the word error rate of (said, heard) pairs: edits of words in all / words said in all.

    Case and punctuation don't count. ``None``: no word was said.
    """
    edits = words = 0
    for said, heard in pairs:
        one, other = _words(said), _words(heard)
        words += len(one)
        edits += _edit_distance(one, other)
    return edits / words if words else None


def _words(text: str) -> list[str]:
    return "".join(char if char.isalnum() or char == "'" else " " for char in text.lower()).split()


def _edit_distance(one: Sequence[str], other: Sequence[str]) -> int:
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, opposite in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != opposite))
    return row[-1]
