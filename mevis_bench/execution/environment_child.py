"""Child side of a method that lives in its own environment; a script for that environment's Python, 3.7 or newer.

It stands alone: nothing else of mevis_bench is importable here. What a method imports from ``mevis_bench.records`` are
the look-alikes below, so that ``method.py`` is written one way wherever it runs (its own relative imports work;
``baselines.layers`` is not here). numpy is needed for frames and arrays only, Pillow for frames.

Protocol: JSON, one object a line, on the socket whose file descriptor is the first argument. The child says hello,
then answers every request with ``{"ok": ...}`` or ``{"error": ...}``. Standard output is not the protocol's.
"""

from __future__ import annotations

import base64
import faulthandler
import importlib
import importlib.machinery
import importlib.util
import itertools
import json
import os
import platform
import random
import re
import resource
import socket
import sys
import time
import traceback
import types
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROTOCOL = 1
"""Changed whenever a message changes its form; parent and child have to agree."""

_PACKAGE = "_mevis_bench_method"


class MevisBenchError(Exception):
    """An error that a user can fix: what is wrong, where, and what to do next."""

    def __init__(self, message: str, *, location: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.hint = hint


class UsageError(MevisBenchError):
    """A wrong flag, name or configuration."""


class DataError(MevisBenchError):
    """A file is not what it should be."""


class MissingWeightsError(MevisBenchError):
    """A method's weights are not on this machine."""


class MethodError(MevisBenchError):
    """A method could not be loaded."""


@dataclass(frozen=True)
class Rle:
    """One frame's binary mask as COCO run lengths."""

    height: int
    width: int
    counts: bytes

    def to_coco(self) -> dict[str, object]:
        """Return what ``pycocotools.mask`` takes."""
        return {"size": [self.height, self.width], "counts": self.counts}


class _Decoding:
    """Seconds spent decoding, and which frame could not be read."""

    seconds = 0.0
    broken: int | None = None


@dataclass(frozen=True)
class Video:
    """The frames of one video, in order, not yet decoded."""

    id: str
    frame_names: tuple[str, ...]
    frame_paths: tuple[Path, ...]
    height: int
    width: int

    def __len__(self) -> int:
        return len(self.frame_paths)

    def frame(self, index: int) -> Any:
        """Decode one frame: RGB uint8 ``(height, width, 3)``."""
        import numpy as np
        from PIL import Image

        start = time.perf_counter()
        path = self.frame_paths[index]
        try:
            with Image.open(path, formats=("JPEG", "PNG")) as image:
                if image.size != (self.width, self.height):
                    raise ValueError(f"it is {image.width}x{image.height}, the video is {self.width}x{self.height}")
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            _Decoding.broken = index
            raise DataError(f"image cannot be read: {error}", location=str(path)) from error
        finally:
            _Decoding.seconds += time.perf_counter() - start

    def frames(self) -> Any:
        """Decode the frames one by one."""
        for index in range(len(self)):
            yield self.frame(index)


@dataclass(frozen=True)
class TextPrompt:
    """A motion expression."""

    id: str
    text: str


@dataclass(frozen=True)
class SpeechPrompt:
    """A spoken motion expression."""

    id: str
    audio: Path


@dataclass(frozen=True)
class TargetMasks:
    """The objects to put into words."""

    id: str
    objects: tuple[tuple[Rle | None, ...], ...]


@dataclass(frozen=True)
class MethodConfig:
    """Everything a method is told when it is loaded."""

    task: str
    variant: str
    options: dict[str, object]
    weights: dict[str, Path] | None
    device: str
    seed: int


@dataclass(frozen=True, eq=False)
class MaskPrediction:
    """Bool ``(t, h, w)``; a numpy array, or nested lists where there is no numpy."""

    masks: object
    objects: tuple[object, ...] | None = None
    target_score: float | None = None


@dataclass(frozen=True, eq=False)
class TrackPrediction:
    """Frames ``(n,)``, ids ``(n,)`` and boxes ``(n, 4)``: arrays or lists."""

    frames: object
    ids: object
    boxes: object


@dataclass(frozen=True)
class CaptionPrediction:
    """One sentence."""

    text: str
    target_kept: float | None = None


_RECORDS = (
    MevisBenchError, UsageError, DataError, MissingWeightsError, MethodError, Rle, Video, TextPrompt, SpeechPrompt,
    TargetMasks, MethodConfig, MaskPrediction, TrackPrediction, CaptionPrediction,
)  # fmt: skip


def _offer_records() -> None:
    """Make ``from mevis_bench.records import ...`` give the classes of this file."""
    package, records = types.ModuleType("mevis_bench"), types.ModuleType("mevis_bench.records")
    package.__path__ = []
    for each in _RECORDS:
        setattr(records, each.__name__, each)
    # Names that are only written in annotations.
    for name in ("Method", "Prediction", "Prompt"):
        setattr(records, name, object)
    sys.modules.update({"mevis_bench": package, "mevis_bench.records": records})


def _import_method(folder: str) -> types.ModuleType:
    """Import ``method.py`` of a folder; its relative imports work."""
    spec = importlib.machinery.ModuleSpec(_PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [folder]
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.method")


def _installed() -> dict[str, str]:
    """Return the version of every installed package, by its normalized name."""
    found = {}
    for folder in reversed(sys.path):
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():  # noqa: PTH112, PTH208, sys.path has strings
            match = re.match(r"(.+?)-([^-]+)(-py[0-9.]+)?\.(dist-info|egg-info)$", entry)
            if match:
                found[re.sub(r"[-_.]+", "-", match.group(1)).lower()] = match.group(2)
    return found


def _prompt(told: Any) -> TextPrompt | SpeechPrompt | TargetMasks:
    if told["kind"] == "text":
        return TextPrompt(told["id"], told["text"])
    if told["kind"] == "speech":
        return SpeechPrompt(told["id"], Path(told["audio"]))
    height, width = told["size"]
    return TargetMasks(
        told["id"],
        tuple(tuple(c if c is None else Rle(height, width, c.encode()) for c in each) for each in told["objects"]),
    )


def _video(told: Any) -> Video:
    paths = tuple(Path(path) for path in told["paths"])
    return Video(told["id"], tuple(told["names"]), paths, told["height"], told["width"])


def _bits(masks: Any) -> dict[str, Any]:
    """Pack bool ``(t, h, w)``: eight pixels a byte, first pixel highest, C order."""
    if hasattr(masks, "dtype"):
        import numpy as np

        if masks.dtype != bool:
            raise TypeError(f"masks are {masks.dtype} {masks.shape}, they must be bool")
        shape, packed = list(masks.shape), np.packbits(masks).tobytes()
    else:
        shape = [len(masks), len(masks[0]), len(masks[0][0])]
        pixels = [bool(pixel) for frame in masks for row in frame for pixel in row]
        pixels += [False] * (-len(pixels) % 8)
        eights = (pixels[at : at + 8] for at in range(0, len(pixels), 8))
        packed = bytes(sum(pixel << 7 - place for place, pixel in enumerate(eight)) for eight in eights)
    return {"shape": shape, "bits": base64.b64encode(zlib.compress(packed, 1)).decode()}


def _numbers(values: Any) -> Any:
    return values.tolist() if hasattr(values, "tolist") else values


def _answer(answer: object) -> dict[str, Any]:
    if isinstance(answer, MaskPrediction):
        objects = None if answer.objects is None else [_bits(each) for each in answer.objects]
        score = None if answer.target_score is None else float(answer.target_score)
        return {"kind": "masks", "masks": _bits(answer.masks), "objects": objects, "target_score": score}
    if isinstance(answer, TrackPrediction):
        lists = {name: _numbers(getattr(answer, name)) for name in ("frames", "ids", "boxes")}
        return dict(lists, kind="tracks")
    if isinstance(answer, CaptionPrediction):
        return {"kind": "caption", "text": answer.text, "target_kept": answer.target_kept}
    raise TypeError(f"the method answered with a {type(answer).__name__}, which is no prediction")


@dataclass
class _Worker:
    """The loaded method and the video it is being asked about."""

    method: Any = None
    device: str = "cpu"
    answers: Any = field(default_factory=lambda: iter(()))

    def check(self, folder: str) -> bool:
        """Import the method and load nothing."""
        return hasattr(_import_method(folder), "load")

    def load(self, folder: str, setup: dict[str, Any]) -> bool:
        module = _import_method(folder)
        if not hasattr(module, "load"):
            raise MethodError("has no function load(setup)", location=str(Path(folder) / "method.py"))
        weights = setup["weights"]
        setup["weights"] = None if weights is None else {name: Path(path) for name, path in weights.items()}
        self.device = setup["device"]
        self.method = module.load(MethodConfig(**setup))
        return True

    def predict(self, video: Any, prompts: Any) -> bool:
        self.answers = iter(self.method.predict(_video(video), [_prompt(each) for each in prompts]))
        return True

    def next(self, seed: int) -> dict[str, Any] | None:
        """Seed everything random and return the next answer; ``None`` behind the last."""
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        _Decoding.seconds, _Decoding.broken = 0.0, None
        for answer in itertools.islice(self.answers, 1):
            return {"answer": _answer(answer), "decoding": _Decoding.seconds}
        return None

    def reduce_memory(self) -> bool:
        if "torch" in sys.modules and self.device.startswith("cuda"):
            sys.modules["torch"].cuda.empty_cache()
        return hasattr(self.method, "reduce_memory") and bool(self.method.reduce_memory())

    def costs(self) -> dict[str, Any]:
        modules = [value for value in vars(self.method).values() if hasattr(value, "parameters")]
        sizes = [(each.numel(), each.requires_grad) for module in modules for each in module.parameters()]
        told: dict[str, Any] = {"device": None, "peak_device_bytes": None}
        if "torch" in sys.modules and self.device.startswith("cuda"):
            cuda = sys.modules["torch"].cuda
            told.update(device=cuda.get_device_name(self.device))
            told.update(peak_device_bytes=cuda.max_memory_allocated(self.device))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        told.update(peak_host_bytes=peak, parameters=None, trainable=None)
        if modules:
            told.update(parameters=sum(n for n, _ in sizes), trainable=sum(n for n, grad in sizes if grad))
        return told

    def close(self) -> bool:
        self.method.close()
        return True


def _error(error: BaseException) -> dict[str, object]:
    told: dict[str, Any] = {"type": type(error).__name__, "text": str(error), "frame": _Decoding.broken, "fault": None}
    if isinstance(error, MevisBenchError):
        told["fault"] = [error.message, error.location, error.hint]
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return dict(told, traceback="".join(lines[-12:]))


def main(descriptor: int) -> None:
    """Serve requests until the other side closes the socket."""
    faulthandler.enable()
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    _offer_records()
    worker = _Worker()
    versions = {"protocol": PROTOCOL, "python": platform.python_version(), "packages": _installed()}
    reply: dict[str, object] = {"ok": versions}
    requests = channel.makefile("rb")
    while True:
        channel.sendall(json.dumps(reply).encode() + b"\n")
        line = requests.readline()
        if not line:
            return
        request = json.loads(line.decode())
        try:
            reply = {"ok": getattr(worker, request.pop("do"))(**request)}
        # A method that calls sys.exit fails its sample like any other.
        except BaseException as error:
            reply = {"error": _error(error)}


if __name__ == "__main__":
    main(int(sys.argv[1]))
