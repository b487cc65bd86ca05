"""Mutations of images, archives and tensors, which may promise too much."""

import bz2
import copy
import gzip
import io
import json
import lzma
import random
import struct
import tarfile
import zipfile
import zlib

from PIL import Image

from tests.fuzz.text_mutations import damaged, hostile_value, json_values, whole


def png_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file with its checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def image(rng: random.Random, data: bytes) -> bytes:
    """Replace an image by one that promises too much, is of another kind or is to be rotated."""
    side = rng.choice((0, 1, 7, 9, 65_500, 2**31 - 1))
    depth, color = rng.choice((1, 2, 4, 8, 16, 3)), rng.choice((0, 2, 3, 4, 6, 1))
    head = struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, rng.randrange(2))
    bomb = zlib.compress(bytes(10_000_000), 9)
    png = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", bomb) + png_chunk(b"IEND", b"")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n%%EndComments\n"
    gif = b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x00\x00\x00"
    match rng.randrange(4):
        case 0:
            return rng.choice((png, eps, gif))
        case 1:
            at = data.find(b"\xff\xc0")
            return data if at < 0 else data[: at + 5] + struct.pack(">HH", side % 65536, side % 65536) + data[at + 9 :]
        case 2:
            file = io.BytesIO()
            exif = Image.Exif()
            exif[0x0112] = rng.randrange(10)
            mode = rng.choice(("RGB", "L", "CMYK"))
            size = rng.choice(((8, 6), (6, 8), (1, 1)))
            Image.new(mode, size).save(file, "JPEG", exif=exif)
            return file.getvalue()
        case _:
            return damaged(rng, data)


def archive(rng: random.Random, data: bytes) -> bytes:
    """Rename, repeat, remove or damage members of a zip file, or promise other sizes."""
    with zipfile.ZipFile(io.BytesIO(data)) as source:
        members = [(name, source.read(name)) for name in source.namelist()]
    at = rng.randrange(len(members))
    name, content = members[at]
    names = ("../x.png", "/x.png", "a\\b.png", "va/0/x.png", "x" * 300, "\ud83d", ".hidden", "va/0/", name.upper())
    match rng.randrange(6):
        case 0:
            members[at] = rng.choice(names), content
        case 1:
            members.append((name, content))
        case 2:
            del members[at]
        case 3:
            members[at] = name, rng.choice((image, damaged, whole))(rng, content)
        case 4:
            return damaged(rng, data)
        case _:
            members[at] = name, bytes(rng.choice((0, 10_000_000)))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for one, written in members:
            target.writestr(one.encode("utf-8", "replace").decode(), written)
    return file.getvalue()


def packed_tensors(rng: random.Random, data: bytes) -> bytes:
    """Change the header of a safetensors file, its metadata or the length that it promises."""
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    match rng.randrange(5):
        case 0:
            return rng.choice((0, 7, 2**31, 2**63)).to_bytes(8, "little") + data[8:]
        case 1 if "state" in header.get("__metadata__", {}):
            header["__metadata__"]["state"] = rng.choice((json_values, whole))(
                rng, header["__metadata__"]["state"].encode()
            ).decode("utf-8", "replace")
        case 2 if "state" in header.get("__metadata__", {}):
            state = json.loads(header["__metadata__"]["state"])
            hostile_value(rng, state)
            header["__metadata__"]["state"] = json.dumps(state)
        case 3:
            values = bytearray(data)
            for at in range(8 + size, len(data) - 3, 4):
                values[at : at + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), -1e38, 0.0)))
            return bytes(values)
        case _:
            hostile_value(rng, header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def tar_archive(rng: random.Random, data: bytes) -> bytes:
    """Rename, repeat or replace members of a compressed tar file, change their kind, or damage the bytes."""
    with tarfile.open(fileobj=io.BytesIO(data)) as source:
        members = [(member, file.read() if (file := source.extractfile(member)) else b"") for member in source]
    member, content = rng.choice(members)
    at = members.index((member, content))
    names = (
        "../x",
        "/x",
        "a\\b",
        "./",
        "",
        "x" * 300,
        "\ud83d",
        ".hidden",
        members[0][0].name,
        member.name + "/x",
        "é\n",
    )
    match rng.randrange(7):
        case 0:
            member.name = rng.choice(names)
        case 1:
            members.append((member, content))
        case 2:
            member.type = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, b"Z"))
            member.linkname = rng.choice(("/etc/passwd", "..", members[-1][0].name, ""))
        case 3:
            members[at] = member, rng.choice((image, damaged, whole))(rng, content)
        case 4:
            return gzip.compress(damaged(rng, gzip.decompress(data)))
        case 5:
            members = [(member, content), *members[at + 1 :], (copy.copy(member), b"")]
            members[-1][0].type = tarfile.DIRTYPE
        case _:
            return rng.choice((damaged(rng, data), gzip.decompress(data), bz2.compress(data), lzma.compress(data)))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as target:
        for one, written in members:
            one.size = len(written)
            target.addfile(one, io.BytesIO(written))
    return file.getvalue()
