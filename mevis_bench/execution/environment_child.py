"""Environment process: runs a method in its own environment. A script for that environment's Python, 3.7 or newer.

Nothing else of mevis_bench or baselines is importable here: methods import the stubs below as ``mevis_bench.records``.

Protocol: JSON, one object per line, on the socket whose file descriptor is the first argument; standard output is free
for the method. The child sends a handshake, then one reply per request: ``{"ok": ...}`` or ``{"error": ...}``. Before
a reply it may send ``{"read": index}``: the method has read that prompt.
"""

from __future__ import annotations

import base64
import faulthandler
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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROTOCOL = 2
"""Version of the messages; parent and child have to agree."""

_PACKAGE = "_mevis_bench_method"

_TEXT_LENGTH = 10_000
"""Characters of an exception that are sent."""


class MevisBenchError(Exception):
    """An error that a user can fix: what is wrong, where, and what to do next."""

    def __init__(self, message: str, *, location: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.location, self.hint = message, location, hint


class UsageError(MevisBenchError):
    """A wrong flag, name or configuration."""


class DataError(MevisBenchError):
    """An invalid file."""


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
    """Seconds spent decoding frames, and the index of a frame that cannot be read."""

    seconds = 0.0
    unreadable: int | None = None


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

        start, path = time.perf_counter(), self.frame_paths[index]
        try:
            with Image.open(path, formats=("JPEG", "PNG")) as image:
                if image.size != (self.width, self.height):
                    raise ValueError(f"it is {image.width}x{image.height}, the video is {self.width}x{self.height}")
                return np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            _Decoding.unreadable = index
            raise DataError(f"image cannot be read: {error}", location=str(path)) from error
        finally:
            _Decoding.seconds += time.perf_counter() - start

    def frames(self) -> Any:
        """Decode the frames one by one."""
        return map(self.frame, range(len(self)))

    def chunks(self, size: int) -> Any:
        """Decode ``size`` frames at a time; the last chunk may be shorter."""
        import numpy as np

        for start in range(0, len(self), size):
            yield np.stack([self.frame(index) for index in range(start, min(start + size, len(self)))])


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
    """Objects to describe."""

    id: str
    objects: tuple[tuple[Rle | None, ...], ...]


@dataclass(frozen=True)
class MethodConfig:
    """Arguments of a method's ``load`` function."""

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
    candidates: tuple[tuple[object, float], ...] | None = None


@dataclass(frozen=True, eq=False)
class TrackPrediction:
    """Frames ``(n,)``, ids ``(n,)`` and boxes ``(n, 4)``: arrays or lists."""

    frames: object
    ids: object
    boxes: object


@dataclass(frozen=True, eq=False)
class PointPrediction:
    """Frames ``(n,)``, ids ``(n,)`` and points ``(n, 2)``: arrays or lists."""

    frames: object
    ids: object
    points: object
    raw: str | None = None
    is_cut: bool = False


@dataclass(frozen=True)
class CaptionPrediction:
    """One sentence."""

    text: str
    target_kept: float | None = None
    raw: str | None = None


_RECORDS = (
    MevisBenchError, UsageError, DataError, MissingWeightsError, MethodError, Rle, Video, TextPrompt, SpeechPrompt,
    TargetMasks, MethodConfig, MaskPrediction, TrackPrediction, PointPrediction, CaptionPrediction,
)  # fmt: skip


def _install_record_stubs() -> None:
    """Make ``from mevis_bench.records import ...`` give the classes of this file."""
    package, records = types.ModuleType("mevis_bench"), types.ModuleType("mevis_bench.records")
    package.__path__ = []
    annotations = dict.fromkeys(("Method", "Prediction", "Prompt"), object)
    vars(records).update(annotations, **{record.__name__: record for record in _RECORDS})
    sys.modules.update({"mevis_bench": package, "mevis_bench.records": records})


def _import_method(folder: str) -> types.ModuleType:
    """Import ``method.py`` of a folder; its relative imports work."""
    spec = importlib.machinery.ModuleSpec(_PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [folder]
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{_PACKAGE}.method")


def _installed_versions() -> dict[str, str]:
    """Return the version of every installed package, by its normalized name."""
    versions = {}
    for folder in reversed(sys.path):
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():  # noqa: PTH112, PTH208, sys.path has strings
            match = re.match(r"(.+?)-([^-]+)(-py[0-9.]+)?\.(dist-info|egg-info)$", entry)
            if match:
                versions[re.sub(r"[-_.]+", "-", match.group(1)).lower()] = match.group(2)
    return versions


class _Prompts(Sequence):  # type: ignore[type-arg]
    """Prompts of one video; ``on_read`` is called with the index whenever a further one is read."""

    def __init__(self, prompts: list[Any], on_read: Any) -> None:
        self._prompts, self._on_read, self._last_read = prompts, on_read, -1

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        place = range(len(self))[index]
        if place > self._last_read:
            self._last_read = place
            self._on_read(place)
        return self._prompts[place]


def _decode_prompt(message: Any) -> TextPrompt | SpeechPrompt | TargetMasks:
    if message["kind"] == "text":
        return TextPrompt(message["id"], message["text"])
    if message["kind"] == "speech":
        return SpeechPrompt(message["id"], Path(message["audio"]))
    height, width = message["size"]
    objects = [[c if c is None else Rle(height, width, c.encode()) for c in target] for target in message["objects"]]
    return TargetMasks(message["id"], tuple(map(tuple, objects)))


def _encode_masks(masks: Any) -> dict[str, Any]:
    """Pack bool ``(t, h, w)``: eight pixels per byte, first pixel highest, C order."""
    if hasattr(masks, "dtype"):
        import numpy as np

        if masks.dtype != bool:
            raise TypeError(f"masks are {masks.dtype} {masks.shape}, they must be bool")
        shape, packed = list(masks.shape), np.packbits(masks).tobytes()
    else:
        shape = [len(masks), len(masks[0]), len(masks[0][0])]
        pixels = [bool(pixel) for frame in masks for row in frame for pixel in row]
        pixels += [False] * (-len(pixels) % 8)
        octets = (pixels[at : at + 8] for at in range(0, len(pixels), 8))
        packed = bytes(sum(pixel << 7 - place for place, pixel in enumerate(octet)) for octet in octets)
    return {"shape": shape, "bits": base64.b64encode(zlib.compress(packed, 1)).decode()}


def _encode_prediction(prediction: object) -> dict[str, Any]:
    if isinstance(prediction, MaskPrediction):
        reply: dict[str, Any] = {"kind": "masks", "masks": _encode_masks(prediction.masks)}
        reply["objects"] = prediction.objects and [_encode_masks(masks) for masks in prediction.objects]
        reply["candidates"] = prediction.candidates and [(_encode_masks(m), float(s)) for m, s in prediction.candidates]
        score = prediction.target_score
        return dict(reply, target_score=None if score is None else float(score))
    if isinstance(prediction, (TrackPrediction, PointPrediction)):
        columns, kind = vars(prediction).items(), "points" if isinstance(prediction, PointPrediction) else "tracks"
        return dict({name: x.tolist() if hasattr(x, "tolist") else x for name, x in columns}, kind=kind)
    if isinstance(prediction, CaptionPrediction):
        return dict(vars(prediction), kind="caption")
    raise TypeError(f"expected a prediction, got {type(prediction).__name__}")


@dataclass
class _Server:
    """The loaded method and the video it is predicting; one method per request."""

    on_read: Any
    method: Any = None
    device: str = "cpu"
    predictions: Any = field(default_factory=lambda: iter(()))

    def check(self, folder: str) -> bool:
        return hasattr(_import_method(folder), "load")

    def load(self, folder: str, config: dict[str, Any]) -> bool:
        module = _import_method(folder)
        if not hasattr(module, "load"):
            raise MethodError("has no function load(config)", location=str(Path(folder) / "method.py"))
        weights = config["weights"]
        config["weights"] = None if weights is None else {name: Path(path) for name, path in weights.items()}
        self.device, self.method = config["device"], module.load(MethodConfig(**config))
        return True

    def predict(self, video: Any, prompts: Any) -> bool:
        names, paths = tuple(video["names"]), tuple(map(Path, video["paths"]))
        opened = Video(video["id"], names, paths, video["height"], video["width"])
        self.predictions = iter(self.method.predict(opened, _Prompts(list(map(_decode_prompt, prompts)), self.on_read)))
        return True

    def next(self, seed: int) -> dict[str, Any] | None:
        """Seed everything random and return the next prediction; ``None`` after the last."""
        random.seed(seed)
        if "numpy" in sys.modules:
            sys.modules["numpy"].random.seed(seed)
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(seed)
        _Decoding.seconds, _Decoding.unreadable = 0.0, None
        for prediction in itertools.islice(self.predictions, 1):
            return {"prediction": _encode_prediction(prediction), "decoding": _Decoding.seconds}
        return None

    def reduce_memory(self) -> bool:
        if "torch" in sys.modules and self.device.startswith("cuda"):
            sys.modules["torch"].cuda.empty_cache()
        return hasattr(self.method, "reduce_memory") and bool(self.method.reduce_memory())

    def resource_usage(self) -> dict[str, Any]:
        modules = [value for value in vars(self.method).values() if hasattr(value, "parameters")]
        sizes = [(weight.numel(), weight.requires_grad) for module in modules for weight in module.parameters()]
        usage: dict[str, Any] = {"device": None, "peak_device_bytes": None, "parameters": None, "trainable": None}
        if "torch" in sys.modules and self.device.startswith("cuda"):
            cuda = sys.modules["torch"].cuda
            peak_device_bytes = cuda.max_memory_allocated(self.device)
            usage.update(device=cuda.get_device_name(self.device), peak_device_bytes=peak_device_bytes)
        unit = 1 if sys.platform == "darwin" else 1024
        usage["peak_host_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        if modules:
            usage.update(parameters=sum(n for n, _ in sizes), trainable=sum(n for n, grad in sizes if grad))
        return usage

    def close(self) -> bool:
        self.method.close()
        return True


def _text(value: object) -> str:
    try:
        return str(value)[:_TEXT_LENGTH].encode("utf-8", "backslashreplace").decode()
    except Exception as error:
        return f"its text cannot be read: {type(error).__name__}"


def _encode_error(error: BaseException) -> dict[str, object]:
    message: dict[str, Any] = {"type": _text(type(error).__name__), "text": _text(error), "user_error": None}
    if isinstance(error, MevisBenchError):
        message["user_error"] = [p if p is None else _text(p) for p in (error.message, error.location, error.hint)]
    lines = "".join(traceback.format_exception(type(error), error, error.__traceback__)[-12:])
    return dict(message, unreadable_frame=_Decoding.unreadable, traceback=_text(lines[-_TEXT_LENGTH:]))


def main(descriptor: int) -> None:
    """Serve requests until the other side closes the socket."""
    faulthandler.enable()
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    _install_record_stubs()

    def encode(message: dict[str, object]) -> bytes:
        return json.dumps(message, allow_nan=False).encode() + b"\n"

    server = _Server(on_read=lambda index: channel.sendall(encode({"read": index})))
    hello = {"protocol": PROTOCOL, "python": platform.python_version(), "packages": _installed_versions()}
    channel.sendall(encode({"ok": hello}))
    for line in channel.makefile("rb"):
        request = json.loads(line.decode())
        try:
            reply = encode({"ok": getattr(server, request.pop("do"))(**request)})
        except BaseException as error:  # also sys.exit, and a reply that JSON cannot express
            reply = encode({"error": _encode_error(error)})
        channel.sendall(reply)


if __name__ == "__main__":
    main(int(sys.argv[1]))
