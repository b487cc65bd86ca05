"""Image files are checked before their pixels are decoded."""

import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from mevis_bench.records import DataError, Expression, GroundTruth, Rle, Video
from mevis_bench.records.frame_size import MAX_FRAME_SIDE
from mevis_bench.records.image_file import image_size


def video(path: Path, height: int = 4, width: int = 6) -> Video:
    return Video("v", ("0",), (path,), height, width)


def png_header(path: Path, height: int, width: int) -> Path:
    """A PNG that only claims to be this large: decoding it would fail, allocating it might kill the process."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [MAX_FRAME_SIDE + 1, 30_000, 2**31 - 1])
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_oversized_images_are_refused_from_their_header(tmp_path: Path, side: int) -> None:
    path = png_header(tmp_path / "bomb.jpg", side, side)
    for read in (lambda: image_size(path), lambda: video(path).frame(0)):
        with pytest.raises(DataError, match=r"bomb\.jpg: (frame size|image is too large)"):
            read()


def test_a_frame_of_another_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.png: frame is 7x5, the video is 6x4"):
        video(png_header(tmp_path / "a.png", 5, 7)).frame(0)


def test_videos_masks_and_ground_truth_have_the_same_limit() -> None:
    side = MAX_FRAME_SIDE
    video(Path("x"), side, side)
    message = f"frame size {side + 1}x3: expected 1 to {side} pixels per side"
    for create in (
        lambda: video(Path("x"), 3, side + 1),
        lambda: GroundTruth("v", Expression("0", "a cat", ()), 3, side + 1, 1, ()),
        lambda: Rle(3, side + 1, b"0").decode(),
    ):
        with pytest.raises(DataError, match=message):
            create()
    with pytest.raises(DataError, match="frame size 0x3: expected 1 to"):
        video(Path("x"), 3, 0)


@pytest.mark.parametrize("image_format", ["BMP", "GIF", "TIFF", "WEBP"])
def test_other_formats_are_refused(tmp_path: Path, image_format: str) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", image_format)
    with pytest.raises(DataError, match=r"a\.jpg: not a JPEG or PNG image"):
        video(tmp_path / "a.jpg").frame(0)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_an_exif_orientation_is_refused(tmp_path: Path, image_format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("RGB", (6, 4)).save(tmp_path / "a.jpg", image_format, exif=exif)
    if orientation == 1:
        assert video(tmp_path / "a.jpg").frame(0).shape == (4, 6, 3)
        return
    with pytest.raises(DataError, match=r"a\.jpg: image has an EXIF orientation, which tools disagree about\nRotate"):
        video(tmp_path / "a.jpg").frame(0)


def test_a_cut_off_image(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).convert("RGB").save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.jpg: image cannot be read: image file is truncated"):
        video(tmp_path / "a.jpg", 64, 64).frame(0)
