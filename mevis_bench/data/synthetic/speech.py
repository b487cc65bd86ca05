"""Speaks sentences with the voices of flite and festival, two programs of one family.

``make-mini --speech all`` speaks every expression in all voices, ``--speech one`` in one voice each, by rotation. Files
lie under ``audio/<video>/<expression>.<voice>.ogg``; the expression's ``audio`` names one of them, which is MeViS's
shape (one sound file an expression), the others lie beside it. They are Ogg Opus at 16 kHz, about 2.6 KB a second.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.records import DataError, UsageError

VOICES = ("flite_rms", "flite_awb", "flite_slt", "flite_kal16", "festival_slt_hts")
"""All voices: two men and a woman recorded in America, a man from Scotland, and the woman again by another method."""

RATE = 16000
"""Samples a second of every file."""

_OPUS_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence to be spoken in one of ``VOICES`` into one file, ``.ogg``."""

    text: str
    voice: str
    path: Path


def require_voices(voices: Collection[str]) -> None:
    """Check that the programs behind some voices are there.

    Raises:
        UsageError: One is not installed.
    """
    for program in sorted({voice.split("_")[0] for voice in voices}):
        if shutil.which(program) is None:
            raise UsageError(
                f"{program} is not installed, so nothing can be spoken",
                hint="On Debian and Ubuntu: apt-get install flite festival festvox-us-slt-hts",
            )


def speak(utterances: Sequence[Utterance], progress: Callable[[int, int], None] = lambda done, total: None) -> None:
    """Speak sentences into files; folders are made.

    Args:
        utterances: What to speak.
        progress: Called with (files written, files in all).

    Raises:
        UsageError: A program is not installed.
        DataError: A program can't speak a sentence.
    """
    require_voices({utterance.voice for utterance in utterances})
    for parent in {utterance.path.parent for utterance in utterances}:
        parent.mkdir(parents=True, exist_ok=True)
    by_flite = [utterance for utterance in utterances if utterance.voice.startswith("flite_")]
    by_festival = [utterance for utterance in utterances if not utterance.voice.startswith("flite_")]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor() as pool:
        jobs = [(utterance, Path(folder) / f"{index}.wav") for index, utterance in enumerate(by_flite)]
        for done, _ in enumerate(pool.map(_flite, jobs), 1):
            progress(done, len(utterances))
        for start in range(0, len(by_festival), 100):
            _festival(by_festival[start : start + 100], Path(folder))
            progress(len(by_flite) + min(start + 100, len(by_festival)), len(utterances))


def _flite(job: tuple[Utterance, Path]) -> None:
    utterance, wav = job
    voice = utterance.voice.removeprefix("flite_")
    _run(["flite", "-voice", voice, "-t", utterance.text, "-o", str(wav)], utterance.text)
    _compress(wav, utterance)


def _festival(utterances: Sequence[Utterance], folder: Path) -> None:
    """Speak many sentences in one process: its start takes longer than a sentence."""
    lines = ["(voice_cmu_us_slt_arctic_hts)"]
    for index, utterance in enumerate(utterances):
        quoted = re.sub(r'(["\\])', r"\\\1", utterance.text)
        lines += [
            f'(set! said (SynthText "{quoted}"))',
            f"(utt.wave.resample said {RATE})",
            f'(utt.save.wave said "{folder / f"{index}.wav"}" \'riff)',
        ]
    script = folder / "say.scm"
    script.write_text("\n".join(lines))
    _run(["festival", "-b", str(script)], f"{len(utterances)} sentences")
    for index, utterance in enumerate(utterances):
        _compress(folder / f"{index}.wav", utterance)


def _run(command: list[str], what: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DataError(f"{command[0]} could not speak: {last}", location=what)


def _compress(wav: Path, utterance: Utterance) -> None:
    import soundfile

    try:
        samples, rate = soundfile.read(wav, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise DataError(f"{utterance.voice} left no sound: {error}", location=utterance.text) from error
    wav.unlink()
    soundfile.write(utterance.path, samples, rate, format="OGG", subtype="OPUS", compression_level=_OPUS_LEVEL)
