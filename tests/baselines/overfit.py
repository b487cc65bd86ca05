"""Two clips that a method has to overfit: through its training, its weights file and its ``load``."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from pycocotools import mask as coco

from baselines.layers.inputs.target_sets import target_sets
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.methods.loading import load_method
from mevis_bench.methods.method_options import resolve_options, typed_options
from mevis_bench.methods.registry import ResolvedMethod, find_methods
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import MethodConfig
from mevis_bench.records.dataset import Dataset
from mevis_bench.runs.validation import Validation
from tests.fixtures.training_arguments import ignore, make_training_arguments

HEIGHT, WIDTH, FRAMES, SIDE = 64, 96, 4, 32
COLORS = {"red": (220, 40, 40), "blue": (40, 60, 220)}
SPEECH_RATE = 16000


def write_two_clips(root: Path) -> Path:
    """Write a split of two videos, in each a red and a blue square that move; every sentence is spoken as a tone."""
    meta, masks = {}, {}
    for number, (video, top) in enumerate({"va": (0, 32), "vb": (32, 0)}.items()):
        folder = root / "JPEGImages" / video
        folder.mkdir(parents=True)
        tracks = {0: [(top[0], 8 * t) for t in range(FRAMES)], 1: [(top[1], 64 - 8 * t) for t in range(FRAMES)]}
        for t in range(FRAMES):
            image = np.full((HEIGHT, WIDTH, 3), 120 + 20 * number, np.uint8)
            for places, color in zip(tracks.values(), COLORS.values(), strict=True):
                row, column = places[t]
                image[row : row + SIDE, column : column + SIDE] = color
            Image.fromarray(image).save(folder / f"{t:05}.jpg", quality=98, subsampling=0)
        expressions = {}
        for key, (place, color) in enumerate(zip(tracks, COLORS, strict=True)):
            sound = f"{video}{key}.wav"
            seconds = np.arange(SPEECH_RATE // 2) / SPEECH_RATE
            soundfile.write(root / sound, 0.3 * np.sin(2 * np.pi * (300 + 900 * key) * seconds), SPEECH_RATE)
            name = str(2 * number + place)
            masks[name] = [_square(*tracks[place][t]) for t in range(FRAMES)]
            expressions[str(key)] = {
                "exp": f"the {color} square", "obj_id": [place], "anno_id": [int(name)], "audio": sound
            }  # fmt: skip
        meta[video] = {
            "expressions": expressions, "frames": [f"{t:05}" for t in range(FRAMES)], "vid_id": number,
            "height": HEIGHT, "width": WIDTH,
        }  # fmt: skip
    (root / "meta_expressions_v2.json").write_text(json.dumps({"videos": meta}))
    (root / "mask_dict.json").write_text(json.dumps(masks))
    return root


def _square(row: int, column: int) -> dict[str, object]:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
    mask[row : row + SIDE, column : column + SIDE] = 1
    return {"size": [HEIGHT, WIDTH], "counts": coco.encode(mask)["counts"].decode()}


@dataclass(frozen=True)
class Case:
    """A training on the two clips.

    Attributes:
        method: Name of the method.
        settings: Changes of the shipped configuration, as ``--set``.
        inference: Changes of the variant's options.
        variant: The variant.
        files: Files of the weights by name, from the path of the model's.
        pattern: Path of the model's file in the folder of the training.
    """

    method: str
    settings: tuple[str, ...]
    inference: Mapping[str, object]
    variant: str = "mini"
    files: Callable[[Path], Mapping[str, Path]] = lambda weights: {"model": weights}
    pattern: str = "*.safetensors"

    @property
    def resolved(self) -> ResolvedMethod:
        return find_methods().resolve(self.method, self.variant)

    def train(self, out: Path, *settings: str, progress: Callable[..., None] = ignore) -> Path:
        """Train on the two clips; returns the weights."""
        self.fit(out, *settings, progress=progress)
        (weights,) = out.glob(self.pattern)
        return weights

    def fit(self, out: Path, *settings: str, progress: Callable[..., None] = ignore) -> None:
        """Train on the two clips."""
        data = out.parent / "clips" / "train"
        split = open_dataset(data if data.is_dir() else write_two_clips(data), "train")
        resolved = self.resolved
        options = typed_options(resolved, resolve_options(resolved, self.inference))
        module = import_submodule(resolved.method, "train")
        fixed = ("val_videos=0", "log_every=1", "save_every=100000")
        config = read_train_config(self.method, self.variant, [*fixed, *self.settings, *settings])
        arguments = make_training_arguments(
            self.variant,
            config.options(module.OPTIONS[self.variant]),
            split,
            out,
            method_options=options,
            task=resolved.spec.tasks[0],
            progress=progress,
        )
        module.train(arguments)

    def captions(self, weights: Path) -> list[str]:
        """Sentences about the targets of the two clips, predicted with weights."""
        options = resolve_options(self.resolved, self.inference)
        config = MethodConfig("rmeg", self.variant, options, self.files(weights), "cpu", 0)
        captioner = load_method(self.resolved.method, config)
        split = open_clips(weights)
        return [
            prediction.text
            for video_id in split.video_ids
            for prediction in captioner.predict(
                split.video(video_id), [target for target, _ in target_sets(split, video_id)]
            )
        ]

    def score(self, weights: Path) -> dict[str, float]:
        """Metrics of the two clips, predicted with weights."""
        resolved = self.resolved
        task = resolved.spec.tasks[0]
        options = resolve_options(resolved, self.inference)
        loaded = load_method(resolved.method, MethodConfig(task, self.variant, options, self.files(weights), "cpu", 0))
        return Validation(task, open_clips(weights))(loaded, 2)


def open_clips(weights: Path) -> Dataset:
    """The two clips that weights were trained on."""
    root = next(folder / "clips" for folder in weights.parents if (folder / "clips").is_dir())
    return open_dataset(root / "train", "train")


def with_tokenizer(weights: Path) -> Mapping[str, Path]:
    """Files of a training that keeps the tokenizer of its words."""
    return {"model": weights, "tokenizer": weights.with_name("tokenizer.json")}


def assert_overfits(case: Case, folder: Path, metric: str = "J") -> None:
    """The loss falls by 90 %, and what the weights file predicts is right."""
    weights = case.train(folder / "out")
    (curve,) = (weights.parent / "curves").glob("*.json")
    losses = [point["loss"] for point in json.loads(curve.read_text())["losses"]]
    assert np.mean(losses[-4:]) < 0.1 * losses[0], losses
    metrics = case.score(weights)
    assert metrics[metric] > 0.9, metrics


def assert_resumes(case: Case, folder: Path) -> None:
    """A training that is stopped after a checkpoint and started again gives the same bytes."""

    def stop(stage: str, step: int, steps: int, values: Mapping[str, float]) -> None:
        if step == 2:
            raise KeyboardInterrupt

    short = ("steps=3", "save_every=1", "log_every=1")
    whole = case.train(folder / "whole", *short)
    with pytest.raises(KeyboardInterrupt):
        case.train(folder / "stopped", *short, progress=stop)
    again = case.train(folder / "stopped", *short)
    assert again.read_bytes() == whole.read_bytes()
