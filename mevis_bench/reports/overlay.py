"""Predictions of one video drawn over its frames: an animation, a strip of five frames, and masks as PNG.

Axes: t frames, h rows, w columns.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import TrackPrediction, Video
from mevis_bench.store.prediction_source import LoadedMasks

if TYPE_CHECKING:
    from PIL.Image import Image

COLORS = ((36, 87, 214), (214, 90, 36), (26, 157, 92), (150, 60, 190), (200, 160, 0), (0, 150, 170))
"""Colors of a prediction's objects, in turn."""

HEADER = 26
STRIP_FRAMES = 5
FRAME_RATE = 8
"""Frames per second of the animation."""
MAX_WIDTH = 640
"""Frames wider than this are drawn smaller; the masks keep the video's size."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """One method's prediction.

    Attributes:
        title: Text above its frames.
        prediction: Masks or tracks of the whole video.
    """

    title: str
    prediction: LoadedMasks | TrackPrediction


def describe(prediction: LoadedMasks | TrackPrediction, length: int) -> str:
    """Return a prediction as text: objects, frames and share of the picture; ``no target`` where it is empty.

    Args:
        prediction: Masks or tracks.
        length: Number of frames of the video.
    """
    if isinstance(prediction, TrackPrediction):
        count, frames = len(set(prediction.ids.tolist())), len(set(prediction.frames.tolist()))
        share = ""
    else:
        masks = prediction.rows.to_dense()
        shown = masks.any(axis=(1, 2))
        frames = int(shown.sum())
        count = (
            1 if prediction.objects is None else sum(any(mask is not None for mask in o) for o in prediction.objects)
        )
        share = f", {100 * masks[shown].mean():.1f} % of the picture" if frames else ""
    if not frames:
        return "no target"
    return f"{count} object{'s' * (count > 1)} in {frames} of {length} frames{share}"


def write_overlays(video: Video, layers: Sequence[Layer], out: Path) -> tuple[Path, ...]:
    """Write all three, and return the animation, the strip and the folder of masks.

    The animation is ``overlay.mp4`` where PyAV is installed, else ``overlay.gif``. Every layer has its folder of masks;
    those of earlier layers are removed.
    """
    masks = out / "masks"
    shutil.rmtree(masks, ignore_errors=True)
    for layer in layers:
        if isinstance(layer.prediction, LoadedMasks):
            write_masks(layer.prediction.rows.to_dense(), masks / layer.title.replace(":", "-"))
    animation = out / ("overlay.mp4" if find_spec("av") else "overlay.gif")
    write_animation(video, layers, animation)
    write_strip(video, layers, out / "strip.png")
    return animation, out / "strip.png", masks


def write_strip(video: Video, layers: Sequence[Layer], path: Path) -> None:
    """Write one PNG with a row of ``STRIP_FRAMES`` frames, evenly spread over the video, per layer."""
    from PIL import Image

    indices = np.linspace(0, len(video) - 1, min(STRIP_FRAMES, len(video))).round().astype(int)
    columns = [_stacked(frame) for frame in _frames(video, layers, set(indices.tolist()))]
    strip = Image.new("RGB", (sum(c.width for c in columns) + 4 * (len(columns) - 1), columns[0].height), "white")
    left = 0
    for column in columns:
        strip.paste(column, (left, 0))
        left += column.width + 4
    strip.save(path)


def write_animation(video: Video, layers: Sequence[Layer], path: Path) -> None:
    """Write all frames, layers below each other, as ``.mp4`` (requires PyAV) or ``.gif``, by the suffix of ``path``.

    Args:
        video: The video.
        layers: At least one.
        path: The file.
    """
    images = (_stacked(frame) for frame in _frames(video, layers, None))
    if path.suffix == ".mp4":
        _write_mp4(images, path)
    else:
        first, *others = images
        first.save(path, save_all=True, append_images=others, duration=1000 // FRAME_RATE, loop=0)


def write_masks(masks: NDArray[np.bool_], folder: Path) -> None:
    """Write masks ``(t, h, w)`` as ``00000.png``, ...: 255 on the target, else 0."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for index, mask in enumerate(masks):
        Image.fromarray(mask.astype(np.uint8) * 255).save(folder / f"{index:05}.png")


def _write_mp4(images: "Iterator[Image]", path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAME_RATE))
        stream.pix_fmt = "yuv420p"
        for index, image in enumerate(images):
            # yuv420p stores color for blocks of 2 x 2 pixels.
            even = image.crop((0, 0, image.width + image.width % 2, image.height + image.height % 2))
            if index == 0:
                stream.width, stream.height = even.size
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(even), format="rgb24")))
        container.mux(stream.encode(None))


def _frames(video: Video, layers: Sequence[Layer], indices: set[int] | None) -> "Iterator[list[Image]]":
    """Yield for each frame (``None``: all) one titled picture per layer."""
    dense = [_object_masks(layer.prediction) for layer in layers]
    for index, pixels in enumerate(video.frames()):
        if indices is None or index in indices:
            yield [_drawn(pixels, layer, masks, index) for layer, masks in zip(layers, dense, strict=True)]


def _object_masks(prediction: LoadedMasks | TrackPrediction) -> list[NDArray[np.bool_]]:
    """Return the masks of each object ``(t, h, w)``, the whole prediction where objects are not kept apart."""
    if isinstance(prediction, TrackPrediction):
        return []
    if not prediction.objects:
        return [prediction.rows.to_dense()]
    shape = prediction.rows.to_dense().shape
    objects = []
    for each in prediction.objects:
        masks = np.zeros(shape, bool)
        for index, rle in enumerate(each):
            if rle is not None:
                masks[index] = rle.decode()
        objects.append(masks)
    return objects


def _drawn(pixels: NDArray[np.uint8], layer: Layer, objects: Sequence[NDArray[np.bool_]], index: int) -> "Image":
    from PIL import Image, ImageDraw, ImageFont

    tinted = pixels.copy()
    for number, masks in enumerate(objects):
        tint = np.array(COLORS[number % len(COLORS)])
        tinted[masks[index]] = (0.4 * pixels[masks[index]] + 0.6 * tint).astype(np.uint8)
    frame = Image.fromarray(tinted)
    canvas = ImageDraw.Draw(frame)
    if isinstance(layer.prediction, TrackPrediction):
        tracks = layer.prediction
        here = tracks.frames == index
        for identity, box in zip(tracks.ids[here].tolist(), tracks.boxes[here].tolist(), strict=True):
            color = COLORS[identity % len(COLORS)]
            canvas.rectangle(box, outline=color, width=2)
            canvas.text((box[0] + 3, box[1] + 1), str(identity), fill=color, font=ImageFont.load_default(14))
    scale = min(1.0, MAX_WIDTH / frame.width)
    frame = frame.resize((round(frame.width * scale), round(frame.height * scale)))
    titled = Image.new("RGB", (frame.width, frame.height + HEADER), "white")
    titled.paste(frame, (0, HEADER))
    ImageDraw.Draw(titled).text((4, 4), layer.title, fill="#1d2129", font=ImageFont.load_default(15))
    return titled


def _stacked(images: "Sequence[Image]") -> "Image":
    from PIL import Image

    stacked = Image.new("RGB", (images[0].width, sum(image.height for image in images)), "white")
    top = 0
    for image in images:
        stacked.paste(image, (0, top))
        top += image.height
    return stacked
