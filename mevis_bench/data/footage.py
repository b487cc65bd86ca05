"""A user's own video and one sentence as a split without ground truth: video file, GIF or folder of frames.

Video files require the extra ``video`` (PyAV). They are read through an open file, so that a container cannot refer to
other files or addresses.
"""

import io
import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mevis_bench.records import DataError, UsageError
from mevis_bench.records.bounds import Bounds
from mevis_bench.records.frame_size import check_frame_size
from mevis_bench.records.image_file import open_image

BOUNDS = Bounds(
    files="Video files, GIFs and frame folders of `mevis-bench try`",
    limits={"bytes": 4 * 2**30, "frames": 1000, "pixels per side": "see frame_size"},
)

FRAME_SUFFIXES = (".jpg", ".jpeg", ".png")

SPLIT, VIDEO, EXPRESSION = "footage", "video", "0"
"""Names of the split, of its video and of its expression."""

_JPEG_QUALITY = 95


def import_footage(source: Path, root: Path, *, sentence: str = "", sound: Path | None = None, every: int = 1) -> int:
    """Write footage and its prompt as split ``footage`` of ``root``, in MeViS's layout, and return the frame count.

    Args:
        source: A video file, a GIF or a folder of JPEG or PNG frames, which are sorted by name.
        root: Folder of the split; frames of an earlier import are replaced.
        sentence: The sentence; may be empty where there is a sound file.
        sound: The spoken sentence.
        every: Frames 0, ``every``, 2 * ``every``, ... are kept.

    Raises:
        UsageError: The sentence is empty, ``source`` does not exist, or PyAV is not installed.
        DataError: No frame can be decoded, there are too many, they differ in size, or the sound is silent.
    """
    if sound is None and not sentence.strip():
        raise UsageError(
            "the sentence is empty", hint="Describe the target, for instance: 'the dog that turns around'."
        )
    if sound is not None:
        _check_sound(sound)
    folder = root / SPLIT / "JPEGImages" / VIDEO
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size: tuple[int, int] | None = None
    names: list[str] = []
    for frame in _bounded(islice(decode_footage(source), 0, None, every), source):
        if size is None:
            size = frame.shape[:2]
        if frame.shape[:2] != size:
            found = f"{frame.shape[1]}x{frame.shape[0]}"
            raise DataError(
                f"frame {len(names)} is {found}, the first one is {size[1]}x{size[0]}", location=str(source)
            )
        names.append(f"{len(names):05}")
        _write_jpeg(frame, folder / f"{names[-1]}.jpg")
    if size is None:
        raise DataError("video has no frames", location=str(source))
    expression: dict[str, object] = {"exp": sentence or "spoken"}
    if sound is not None:
        target = root / SPLIT / "audio" / f"prompt{sound.suffix.lower()}"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(sound, target)
        expression["audio"] = f"audio/{target.name}"
    entry = {"expressions": {EXPRESSION: expression}, "frames": names, "height": size[0], "width": size[1]}
    meta = json.dumps({"videos": {VIDEO: entry}})
    (root / SPLIT / "meta_expressions.json").write_text(meta, encoding="utf-8")
    return len(names)


def decode_footage(source: Path) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of a video file, a GIF or a folder of images: RGB, uint8 ``(h, w, 3)``.

    Raises:
        UsageError: It does not exist, or PyAV is not installed.
        DataError: It cannot be decoded.
    """
    if source.is_dir():
        return _decode_folder(source)
    if not source.is_file():
        raise UsageError("no such video", location=str(source), hint="Give a video file, a GIF or a folder of frames.")
    BOUNDS.check("bytes", source.stat().st_size, str(source))
    return _decode_gif(source) if source.suffix.lower() == ".gif" else _decode_video(source)


def _decode_folder(source: Path) -> Iterator[NDArray[np.uint8]]:
    for path in sorted(path for path in source.iterdir() if path.suffix.lower() in FRAME_SUFFIXES):
        with open_image(path, str(path)) as image:
            yield np.asarray(image.convert("RGB"))


def _decode_gif(source: Path) -> Iterator[NDArray[np.uint8]]:
    from PIL import ImageSequence

    with open_image(source, str(source), formats=("GIF",)) as image:
        for frame in ImageSequence.Iterator(image):
            yield np.asarray(frame.convert("RGB"))


def _decode_video(source: Path) -> Iterator[NDArray[np.uint8]]:
    try:
        import av
    except ImportError as error:
        hint = "pip install 'mevis-bench[video]', or give a folder of frames."
        raise UsageError("reading video files requires the package av", location=str(source), hint=hint) from error
    try:
        with source.open("rb") as file, closing(av.open(file, "r")) as container:
            if not container.streams.video:
                raise DataError("file has no video stream", location=str(source))
            stream = container.streams.video[0]
            check_frame_size(stream.height, stream.width, str(source))
            for frame in container.decode(stream):
                check_frame_size(frame.height, frame.width, str(source))
                yield np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    except (av.error.FFmpegError, ValueError) as error:
        hint = "Convert it, for instance: ffmpeg -i IN -c:v libx264 OUT.mp4"
        raise DataError(f"video cannot be decoded: {error}", location=str(source), hint=hint) from error


def _bounded(frames: Iterator[NDArray[np.uint8]], source: Path) -> Iterator[NDArray[np.uint8]]:
    for index, frame in enumerate(frames):
        if index == BOUNDS.limit("frames"):
            hint = "Keep every Nth frame: --every N."
            raise DataError(f"video has more than {index} frames", location=str(source), hint=hint)
        yield frame


def _write_jpeg(frame: NDArray[np.uint8], path: Path) -> None:
    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(frame).save(content, "JPEG", quality=_JPEG_QUALITY)
    path.write_bytes(content.getvalue())


def _check_sound(sound: Path) -> None:
    import soundfile

    try:
        samples, _ = soundfile.read(sound, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise DataError(f"sound cannot be read: {error}", location=str(sound)) from error
    # Full scale is 1; 16 bits have steps of 3e-5.
    if not len(samples) or float(np.abs(samples).max()) < 1e-3:
        raise DataError("the sound is silent: no speech in it", location=str(sound))
