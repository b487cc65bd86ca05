"""Contract of every method, checked on two generated videos: one of odd size, one of a single frame.

``CHECKS`` has one function per promise; each takes a ``Trial``, a variant loaded for one task, and raises
``MethodError`` with the broken promise. A variant is loaded with its ``test_options`` (``method.yaml``), and with the
weights that are shipped next to it, else with seeded random ones.
"""

import random
import sys
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import assert_never

import numpy as np

from mevis_bench.methods.loading import load_method
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.methods.weights import shipped_path
from mevis_bench.records import (
    CaptionPrediction,
    MaskPrediction,
    Method,
    MethodConfig,
    MethodError,
    PointPrediction,
    Prediction,
    Prompt,
    Rle,
    SpeechPrompt,
    TargetMasks,
    TextPrompt,
    TrackPrediction,
    Video,
)
from mevis_bench.records.task_names import TASK_TYPES
from mevis_bench.store.prediction_lines import encode_line

VIDEOS = {"odd": (3, 37, 53), "single": (1, 40, 64)}
"""Frames, rows and columns of the generated videos."""

SENTENCES = ("the square that moves to the right", "two birds flying away slowly", "nothing else")

ANSWER_FILES = ("meta_expressions.json", "mask_dict.json")
"""Files that a method must not read; they lie next to the frames, as in MeViS."""

SEED = 0


def tasks_and_variants(folder: Path) -> list[tuple[str, str]]:
    """Return every pair of task and variant that a method's ``method.yaml`` names."""
    spec = read_method_spec(folder / "method.yaml")
    return [(task, name) for name, variant in spec.variants.items() for task in variant.tasks]


class Trial:
    """One variant of a method, loaded for one task, with two videos and three prompts for each.

    Attributes:
        name: ``method:variant:task``.
        task: Name of the task.
        videos: The videos with their prompts.
        predictions: Predictions of all prompts, by video, computed once.
        opened: Files of the scratch folder that were opened meanwhile, by video.
    """

    def __init__(self, entry: MethodEntry, variant: str, task: str, scratch: Path) -> None:
        """Load the method.

        Args:
            entry: The method; its package need not be installed.
            variant: Name of the variant.
            task: One of the variant's tasks.
            scratch: An empty folder for the videos' files.

        Raises:
            MevisBenchError: It cannot be loaded, or ``predict`` fails.
        """
        self.entry, self.variant, self.task, self.scratch = entry, variant, task, scratch
        self.name = f"{entry.spec.name}:{variant}:{task}"
        self.spec = entry.spec.variants[variant]
        self.method = self.load()
        self.videos = [(_write_video(scratch, name), self._prompts(name)) for name in VIDEOS]
        for name in ANSWER_FILES:
            (scratch / name).write_text("{}")
        self.predictions: list[list[Prediction]] = []
        self.opened: list[set[Path]] = []
        for video, prompts in self.videos:
            with _opened_files(scratch) as opened:
                self.predictions.append(self.predict(video, prompts))
            self.opened.append(opened)

    @classmethod
    def of(cls, folder: Path, variant: str, task: str, scratch: Path) -> "Trial":
        """Load the method of a folder (its package need not be installed)."""
        spec = read_method_spec(folder / "method.yaml")
        return cls(MethodEntry(spec, folder.resolve(), None, "trial"), variant, task, scratch)

    def load(self) -> Method:
        """Load the variant once more, with the same seed."""
        options = {**self.spec.options, **self.spec.test_options}
        files = {name: shipped_path(self.entry.folder, weights) for name, weights in self.spec.weights.items()}
        shipped = all(path.exists() for path in files.values())
        config = MethodConfig(self.task, self.variant, options, files if shipped else None, "cpu", SEED)
        return load_method(self.entry, config)

    def predict(self, video: Video, prompts: Sequence[Prompt], method: Method | None = None) -> list[Prediction]:
        """Predict as a run does: everything random is seeded before each prediction."""
        _seed_everything()
        predictions = []
        for prediction in (method or self.method).predict(video, prompts):
            predictions.append(prediction)
            _seed_everything()
        return predictions

    def fail(self, problem: str) -> MethodError:
        """Return the error of a broken promise."""
        return MethodError(problem, location=self.name)

    def _prompts(self, video: str) -> list[Prompt]:
        if self.spec.oracle_text:
            return [TextPrompt(str(number), sentence) for number, sentence in enumerate(SENTENCES)]
        return [make_prompt(self.task, number, video, self.scratch) for number in range(len(SENTENCES))]


def check_fit(trial: Trial) -> None:
    """Check that there is one prediction per prompt, valid for the task and the video's size and length."""
    for (video, prompts), predictions in zip(trial.videos, trial.predictions, strict=True):
        if len(predictions) != len(prompts):
            raise trial.fail(f"expected {len(prompts)} predictions, got {len(predictions)}")
        for prediction in predictions:
            validate_prediction(prediction, trial.task, video)


def check_outputs(trial: Trial) -> None:
    """Check that predictions contain what ``outputs`` of ``method.yaml`` declares; objects unite to the masks."""
    declared = trial.spec.outputs
    for prediction in (each for predictions in trial.predictions for each in predictions):
        match prediction:
            case MaskPrediction():
                found = "masks"
                if (prediction.objects is not None) != ("objects" in declared):
                    raise trial.fail(f"'outputs' declares {list(declared)}, objects are {type(prediction.objects)}")
                if prediction.objects is not None:
                    union = np.logical_or.reduce((np.zeros_like(prediction.masks), *prediction.objects))
                    if not np.array_equal(union, prediction.masks):
                        raise trial.fail("the union of the objects is not the mask")
            case TrackPrediction():
                found = "tracks"
            case PointPrediction():
                found = "points"
            case CaptionPrediction():
                found = "captions"
            case _:
                assert_never(prediction)
        if found not in declared:
            raise trial.fail(f"'outputs' declares {list(declared)}, but {found} are predicted")


def check_no_prompts(trial: Trial) -> None:
    """Check that no prompts give no predictions."""
    for video, _ in trial.videos:
        if trial.predict(video, ()):
            raise trial.fail("predictions without prompts")


def check_alone(trial: Trial) -> None:
    """Check that a prompt's prediction does not depend on the others, or on what was predicted before."""
    for (video, prompts), together in zip(trial.videos, trial.predictions, strict=True):
        for prompt, prediction in reversed(list(zip(prompts, together, strict=True))):
            alone = trial.predict(video, [prompt])
            if len(alone) != 1 or not _agree(alone[0], prediction):
                raise trial.fail(f"prompt {prompt.id} of video '{video.id}': another prediction alone than with others")


def _agree(first: Prediction, second: Prediction) -> bool:
    """Whether predictions are equal but for rounding: batches of another size may add in another order."""
    match first, second:
        case MaskPrediction(), MaskPrediction():
            same = _bytes(replace(first, target_score=None)) == _bytes(replace(second, target_score=None))
            return same and _close(first.target_score, second.target_score)
        case TrackPrediction(), TrackPrediction():
            same = np.array_equal(first.frames, second.frames) and np.array_equal(first.ids, second.ids)
            return same and np.allclose(first.boxes, second.boxes, rtol=0, atol=1e-3)
        case PointPrediction(), PointPrediction():
            return _bytes(first) == _bytes(second)
        case CaptionPrediction(), CaptionPrediction():
            return first.text == second.text and _close(first.target_kept, second.target_kept)
        case _:
            return False


def _close(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return abs(first - second) < 1e-5


def _bytes(prediction: Prediction) -> bytes:
    return encode_line("", prediction)


def check_seed(trial: Trial) -> None:
    """Check that loading again with the same seed gives the same predictions."""
    again = trial.load()
    try:
        for (video, prompts), expected in zip(trial.videos, trial.predictions, strict=True):
            found = trial.predict(video, prompts, again)
            if [_bytes(each) for each in found] != [_bytes(each) for each in expected]:
                raise trial.fail(f"video '{video.id}': two loads with the same seed predict differently")
    finally:
        again.close()


def check_reads(trial: Trial) -> None:
    """Check that of a data set's files, only the video's frames and the prompts' sound files are opened."""
    for (video, prompts), opened in zip(trial.videos, trial.opened, strict=True):
        sounds = {prompt.audio for prompt in prompts if isinstance(prompt, SpeechPrompt)}
        foreign = opened - set(video.frame_paths) - sounds
        if foreign:
            raise trial.fail(f"opens {sorted(path.name for path in foreign)}, which contain the answers")


def check_close(trial: Trial) -> None:
    """Check that a method can be closed; the trial is over then."""
    trial.method.close()


CHECKS: Mapping[str, Callable[[Trial], None]] = {
    "fit": check_fit,
    "outputs": check_outputs,
    "no_prompts": check_no_prompts,
    "alone": check_alone,
    "seed": check_seed,
    "reads": check_reads,
    "close": check_close,
}
"""All checks by name, ``close`` last."""


def make_prompt(task: str, number: int, video: str, scratch: Path) -> Prompt:
    """Make prompt 0, 1 or 2 of a task: a sentence, a tone, or targets (the last one is visible in no frame)."""
    prompt_type = TASK_TYPES[task].prompt
    if prompt_type is TextPrompt:
        return TextPrompt(str(number), SENTENCES[number])
    if prompt_type is SpeechPrompt:
        return SpeechPrompt(str(number), _write_tone(scratch / f"{number}.wav", number))
    if prompt_type is TargetMasks:
        frames, height, width = VIDEOS[video]
        mask = None if number == len(SENTENCES) - 1 else Rle(height, width, _column(number, height, width))
        return TargetMasks(str(number), ((mask,) * frames,))
    assert_never(prompt_type)


def _write_video(scratch: Path, name: str) -> Video:
    """Write a bright square that moves over noise."""
    from PIL import Image

    length, height, width = VIDEOS[name]
    numbers = np.random.default_rng(0)
    folder = scratch / "JPEGImages" / name
    folder.mkdir(parents=True)
    paths = []
    for index in range(length):
        frame = numbers.integers(0, 60, (height, width, 3), dtype=np.uint8)
        frame[10:30, 5 + 10 * index : 25 + 10 * index] = 240
        paths.append(folder / f"{index:05}.png")
        Image.fromarray(frame).save(paths[-1])
    return Video(name, tuple(path.stem for path in paths), tuple(paths), height, width)


def _write_tone(path: Path, number: int) -> Path:
    """Write half a second of a sine, 16 kHz mono; every number has its own pitch."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        tone = 8000 * np.sin(np.arange(8000) * 0.1 * (1 + number))
        file.writeframes(tone.astype("<i2").tobytes())
    return path


def _column(number: int, height: int, width: int) -> bytes:
    from pycocotools import mask as coco

    mask = np.zeros((height, width), np.uint8, order="F")
    mask[:, 8 * number : 8 * number + 8] = 1
    return bytes(coco.encode(mask)["counts"])


def _seed_everything() -> None:
    random.seed(SEED)
    np.random.seed(SEED)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)


_opened: set[str] | None = None
"""Names of the files that are opened while ``_opened_files`` is active."""


@contextmanager
def _opened_files(folder: Path) -> Iterator[set[Path]]:
    """Collect the files below a folder that this process opens inside the context."""
    global _opened
    if not getattr(sys, "_mevis_bench_audit", False):
        sys.addaudithook(_record_open)  # cannot be removed again
        sys._mevis_bench_audit = True  # type: ignore[attr-defined]
    found: set[Path] = set()
    _opened = set()
    try:
        yield found
    finally:
        paths = {Path(name) for name in _opened}
        _opened = None
        found |= {path for path in paths if folder in path.parents}


def _record_open(event: str, arguments: tuple[object, ...]) -> None:
    if _opened is not None and event == "open" and isinstance(arguments[0], (str, Path)):
        _opened.add(str(arguments[0]))
