"""Trying a method on a video of a few frames: does it load, and does it answer in the form its tasks want?"""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

import numpy as np

from mevis_bench.methods.loading import load_method
from mevis_bench.methods.method_spec import read_method_spec
from mevis_bench.methods.prediction_checks import validate_prediction
from mevis_bench.methods.registry import MethodEntry
from mevis_bench.records import (
    MethodConfig,
    MethodError,
    Prediction,
    Prompt,
    Rle,
    SpeechPrompt,
    TargetMasks,
    TextPrompt,
    Video,
)
from mevis_bench.records.task_names import TASK_TYPES

HEIGHT, WIDTH, FRAMES = 64, 96, 3


def tasks_and_variants(folder: Path) -> list[tuple[str, str]]:
    """Return every pair of task and variant that a method's ``method.yaml`` names."""
    spec = read_method_spec(folder / "method.yaml")
    return [(task, name) for name, variant in spec.variants.items() for task in variant.tasks]


def check_method(folder: Path, task: str, variant: str, scratch: Path) -> Sequence[Prediction]:
    """Load a method with seeded random weights and predict three prompts of a small video.

    Args:
        folder: The method's folder; its package need not be installed.
        task: One of the variant's tasks.
        variant: Name of the variant.
        scratch: An empty folder for the video's files.

    Returns:
        The three predictions.

    Raises:
        MethodError: It cannot be loaded, or a prediction is invalid.
    """
    spec = read_method_spec(folder / "method.yaml")
    selected = spec.variants[variant]
    config = MethodConfig(task, variant, selected.options, None if selected.weights else {}, "cpu", 0)
    method = load_method(MethodEntry(spec, folder.resolve(), None, "trial"), config)
    video = _video(scratch)
    prompts = [_prompt(task, number, scratch) for number in range(3)]
    predictions = list(method.predict(video, prompts))
    method.close()
    if len(predictions) != len(prompts):
        raise MethodError(f"expected {len(prompts)} predictions, got {len(predictions)}", location=str(folder))
    for prediction in predictions:
        validate_prediction(prediction, task, video)
    return predictions


def _video(scratch: Path) -> Video:
    """Write a video of a bright square that moves over noise."""
    from PIL import Image

    numbers = np.random.default_rng(0)
    paths = []
    for index in range(FRAMES):
        frame = numbers.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        frame[20:40, 10 + 20 * index : 30 + 20 * index] = 240
        paths.append(scratch / f"{index:05}.png")
        Image.fromarray(frame).save(paths[-1])
    return Video("trial", tuple(path.stem for path in paths), tuple(paths), HEIGHT, WIDTH)


def _prompt(task: str, number: int, scratch: Path) -> Prompt:
    prompt_type = TASK_TYPES[task].prompt
    if prompt_type is TextPrompt:
        return TextPrompt(str(number), f"object number {number} that moves to the right")
    if prompt_type is SpeechPrompt:
        return SpeechPrompt(str(number), _write_tone(scratch / f"{number}.wav", number))
    if prompt_type is TargetMasks:
        return TargetMasks(str(number), ((Rle(HEIGHT, WIDTH, _first_column()),) * FRAMES,))
    assert_never(prompt_type)


def _write_tone(path: Path, number: int) -> Path:
    """Write one second of a sine, 16 kHz mono; every number has its own pitch."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        tone = 8000 * np.sin(np.arange(16000) * 0.1 * (1 + number))
        file.writeframes(tone.astype("<i2").tobytes())
    return path


def _first_column() -> bytes:
    from pycocotools import mask as coco

    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[:, 0] = 1
    return bytes(coco.encode(mask)["counts"])
