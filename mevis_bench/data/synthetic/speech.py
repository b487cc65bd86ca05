"""Speech synthesis (TTS) with the voices of flite and festival.

``make-mini --speech all`` synthesizes every expression in all voices, ``--speech one`` in one voice each, by rotation.
Files are ``audio/<video>/<expression>.<voice>.ogg``; the expression's ``audio`` names one of them, as in MeViS (one
sound file per expression). They are Ogg Opus at 16 kHz, about 2.6 KB per second.
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
"""All voices: two American men and a woman, a Scottish man, and the same woman with HTS synthesis."""

RATE = 16000
"""Sample rate of every file, in Hz."""

_OPUS_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence to synthesize: text, one of ``VOICES``, and the ``.ogg`` file to write."""

    text: str
    voice: str
    path: Path


def require_voices(voices: Collection[str]) -> None:
    """Check that the programs of the given voices are installed.

    Raises:
        UsageError: A program is not installed.
    """
    for program in sorted({voice.split("_")[0] for voice in voices}):
        if shutil.which(program) is None:
            raise UsageError(
                f"speech synthesis requires {program}, which is not installed",
                hint="On Debian and Ubuntu: apt-get install flite festival festvox-us-slt-hts",
            )


def synthesize(
    utterances: Sequence[Utterance], progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Synthesize sentences into files; folders are created.

    Args:
        utterances: Sentences, voices and files.
        progress: Called with (files written, files in total).

    Raises:
        UsageError: A program is not installed.
        DataError: A program fails on a sentence.
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
    """Synthesize many sentences in one process, because its start takes longer than a sentence."""
    lines = ["(voice_cmu_us_slt_arctic_hts)"]
    for index, utterance in enumerate(utterances):
        quoted = re.sub(r'(["\\])', r"\\\1", utterance.text)
        lines += [
            f'(set! speech (SynthText "{quoted}"))',
            f"(utt.wave.resample speech {RATE})",
            f'(utt.save.wave speech "{folder / f"{index}.wav"}" \'riff)',
        ]
    script = folder / "say.scm"
    script.write_text("\n".join(lines))
    _run(["festival", "-b", str(script)], f"{len(utterances)} sentences")
    for index, utterance in enumerate(utterances):
        _compress(folder / f"{index}.wav", utterance)


def _run(command: list[str], location: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        reason = (result.stderr.strip().splitlines() or ["no error output"])[-1]
        raise DataError(f"{command[0]} failed: {reason}", location=location)


def _compress(wav: Path, utterance: Utterance) -> None:
    import soundfile

    try:
        samples, rate = soundfile.read(wav, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise DataError(f"{utterance.voice} wrote no readable audio: {error}", location=utterance.text) from error
    wav.unlink()
    soundfile.write(utterance.path, samples, rate, format="OGG", subtype="OPUS", compression_level=_OPUS_LEVEL)
