"""Parts that the JSON files of several data sets share: sentences, object ids, lists of frames."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mevis_bench.data.mevis.annotations import parse_videos
from mevis_bench.files.strict_json import read_json
from mevis_bench.records import DataError
from mevis_bench.schemas.decode import decode_key
from mevis_bench.schemas.external import ReferredExpression

_FIRST_VIDEO = re.compile(rb'\{\s*"videos"\s*:\s*\{\s*"([^"]*)"')


def read_videos(path: Path) -> dict[str, Any]:
    """Return the raw entry of every video of ``{"videos": {...}}`` by its id.

    Raises:
        DataError: The file cannot be read, is not JSON or has no ``videos``, or an id is not a valid name.
    """
    return parse_videos(read_json(path), str(path))


def first_video_id(path: Path) -> str | None:
    """Return the id at the start of ``{"videos": {"<id>": ...``, without reading the rest; ``None``: there is none.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        match = _FIRST_VIDEO.match(file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n"))
    return None if match is None else match[1].decode("utf-8", "replace")


def has_keys(path: Path, present: Sequence[str], absent: Sequence[str]) -> bool:
    """Return whether the start of a JSON file, 64 KiB, has some keys and lacks others: files of one name differ so.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(2**16)
    return all(f'"{key}"'.encode() in head for key in present) and not any(
        f'"{key}"'.encode() in head for key in absent
    )


def parse_sentence(raw: object, location: str) -> str:
    """Return the sentence ``exp`` of an expression.

    Raises:
        DataError: It is not an object with a sentence.
    """
    sentence: str = decode_key(raw, ReferredExpression, "exp", location)
    return sentence


def parse_object_id(raw: object, location: str) -> str:
    """Return ``obj_id`` of an expression as text; files have it as a string or as an integer.

    Raises:
        DataError: It is missing, or neither.
    """
    return str(decode_key(raw, ReferredExpression, "obj_id", location))


def parse_label(object_id: str, location: str) -> int:
    """Return the pixel value of an object in label images.

    Raises:
        DataError: It is not a number in 1..254.
    """
    if not object_id.isdecimal() or not 1 <= int(object_id) <= 254:
        raise DataError(f"object id {object_id!r}: expected a pixel value in 1..254", location=location)
    return int(object_id)
