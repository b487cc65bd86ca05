"""Speech recognition by Whisper, with a cache of transcripts: a sound file is transcribed once per recognizer."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mevis_bench.files.atomic import atomic_write
from mevis_bench.methods.weights import sha256
from mevis_bench.records import DataError, MethodError, MissingWeightsError
from mevis_bench.schemas.json_files import encode_line, read_json_file
from mevis_bench.schemas.transcripts import CachedTranscript

RATE = 16000
"""Whisper's sample rate, Hz."""

MAX_TOKENS = 120
"""Bound of a transcript: a motion expression has about ten words; Whisper can repeat itself for minutes."""

AsrModel = Callable[[NDArray[np.float32]], str]


def find_asr_model(name: str, store: Path) -> Path:
    """Return the weights of a speech recognizer.

    Args:
        name: A Whisper size (``base``, ``tiny.en``, ...), an openai-whisper ``.pt`` file, or a transformers folder.
        store: The user's weights store.

    Raises:
        MissingWeightsError: They are not on this machine.
    """
    candidates = (
        Path(name).expanduser(),
        store / "whisper" / f"{name}.pt",
        store / "whisper" / name,
        Path.home() / ".cache" / "whisper" / f"{name}.pt",
    )
    for path in candidates:
        if path.is_file() or (path / "config.json").is_file():
            return path
    raise MissingWeightsError(
        f"the speech recognizer 'whisper {name}' is not on this machine",
        hint="From:    https://github.com/openai/whisper (license: MIT): whisper.load_model downloads it;\n"
        "         or a transformers folder such as openai/whisper-base from Hugging Face\n"
        f"Put to:  {candidates[1]} or {candidates[2]}/\n"
        "Or name a file or folder: --asr-model PATH\n"
        "The written sentence instead, as an oracle: --bridge oracle_text",
    )


class Transcripts:
    """Transcripts of sound files, cached in a folder."""

    def __init__(self, asr_model: Path, folder: Path, device: str) -> None:
        """Hash the recognizer's weights; they are loaded when a file must be transcribed.

        Args:
            asr_model: An openai-whisper ``.pt`` file or a transformers folder.
            folder: Cache of transcripts.
            device: A torch device string.
        """
        self._weights = asr_model
        self._device = device
        self._folder = folder / sha256(asr_model)[:16]
        self._transcribe: AsrModel | None = None

    def __call__(self, audio: Path) -> str:
        """Return the transcript of a sound file.

        Raises:
            DataError: Not a sound file.
            MethodError: The recognizer's package is not installed.
        """
        path = self._path(audio)
        cached = self.cached(audio)
        if cached is not None:
            return cached
        if self._transcribe is None:
            self._transcribe = _load(self._weights, self._device)
        text = self._transcribe(read_waveform(audio)).strip()
        atomic_write(path, encode_line(CachedTranscript(text)))
        return text

    def cached(self, audio: Path) -> str | None:
        """Return the cached transcript of a sound file; ``None``: it has no valid one, or the sound cannot be read."""
        try:
            return read_json_file(self._path(audio), CachedTranscript).text
        except DataError:
            return None

    def _path(self, audio: Path) -> Path:
        try:
            return self._folder / f"{hashlib.sha256(audio.read_bytes()).hexdigest()}.json"
        except OSError as error:
            raise DataError(f"cannot read sound: {error.strerror}", location=str(audio)) from error


def read_waveform(audio: Path) -> NDArray[np.float32]:
    """Read a sound file (wav, flac, ogg, mp3) as one channel of 16,000 samples per second.

    Raises:
        DataError: The file is missing, not a sound file, or empty.
    """
    import soundfile
    from scipy.signal import resample_poly

    try:
        samples, rate = soundfile.read(audio, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"cannot read sound: {error}", location=str(audio)) from error
    if len(samples) == 0:
        raise DataError("sound file holds no sample", location=str(audio))
    divisor = int(np.gcd(rate, RATE))
    waveform: NDArray[np.float32] = resample_poly(samples.mean(axis=1), RATE // divisor, rate // divisor)
    return waveform.astype(np.float32)


def _load(weights: Path, device: str) -> AsrModel:
    try:
        return _load_transformers(weights, device) if weights.is_dir() else _load_openai(weights, device)
    except ImportError as error:
        raise _not_installed(error) from error


def _not_installed(error: ImportError) -> MethodError:
    hint = "pip install 'mevis-bench[asr]'"
    return MethodError(f"speech needs the package '{error.name}', which is not installed", hint=hint)


def _load_openai(weights: Path, device: str) -> AsrModel:
    import whisper

    model = whisper.load_model(str(weights), device=device)

    def transcribe(waveform: NDArray[np.float32]) -> str:
        result = model.transcribe(
            waveform,
            language="en",
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            fp16=device.startswith("cuda"),
            sample_len=MAX_TOKENS,
            verbose=None,
        )
        return str(result["text"])

    return transcribe


def _load_transformers(weights: Path, device: str) -> AsrModel:
    from transformers import pipeline

    model: Any = pipeline("automatic-speech-recognition", model=str(weights), device=device)

    def transcribe(waveform: NDArray[np.float32]) -> str:
        result = model({"raw": waveform, "sampling_rate": RATE}, generate_kwargs={"max_new_tokens": MAX_TOKENS})
        return str(result["text"])

    return transcribe


def word_error_rate(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return the word error rate of (reference, transcript) pairs: total word edits / total reference words.

    Both are normalized by Whisper's English normalizer (case, punctuation, numbers, spelling, contractions) and counted
    by jiwer. ``None``: there is no reference word.

    Raises:
        MethodError: A package is not installed.
    """
    try:
        import jiwer
        from whisper.normalizers import EnglishTextNormalizer
    except ImportError as error:
        raise _not_installed(error) from error
    normalize = EnglishTextNormalizer()
    references = [normalize(reference) for reference, _ in pairs]
    transcripts = [normalize(transcript) for _, transcript in pairs]
    return float(jiwer.wer(references, transcripts)) if any(references) else None
