"""General mutations of files, and those of text: hostile values in JSON and YAML, damaged bytes."""

import copy
import json
import random
from typing import Any

DEEP = 100_000
HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    -0.0,
    1e308,
    -1e308,
    10**9,
    2**31,
    2**63,
    2**64,
    10**30,
    float("nan"),
    float("inf"),
    "",
    " ",
    "0",
    "x",
    "\x00",
    "\x1b[31m",
    "a\nb",
    "[/bold]",
    "\ud800",
    "é" * 200,
    "x" * 300,
    "../../etc/passwd",
    "/dev/full",
    "/",
    ".",
    "..",
    "C:\\x",
    "=1+1",
    "<script>",
    "2026-01-01",
    "NaN",
    "1e999",
    "J > 1e999",
    "single",
    "J&F",
    "rvos",
    "mevis_v2",
    [],
    {},
    [[]],
    [None],
    {"": None},
    ["a", 1, None],
    [1] * 50,
    {"counts": "0", "size": [1, 1]},
    {"size": [10**9, 10**9], "counts": "0"},
    {"size": [6, 8], "counts": "o" * 400},
    {"size": [-1, 8], "counts": [48]},
)
TEXTS: tuple[bytes, ...] = (
    b"9" * 5000,
    b"1e999",
    b"-1",
    b"NaN",
    b"nan",
    b"inf",
    b"99999999999999999999",
    b"0x10",
    b"1_000",
    b"\xff\xfe",
    b"\x00",
    b"[" * DEEP,
    b'{"a":' * DEEP,
    b"- " * 2000,
    b"&a [*a, *a]",
    b"*a",
    b"!!python/object:os.system x",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\x1b[2J",
    b"a: b: c",
    b"? ",
    b"%TAG",
    b"\t",
    b"'",
    b'"',
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"yes",
    b"~",
    b"...",
    b"---",
)
ALIAS_BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c + 1, c + 1, b", ".join([b"*%c" % c] * 9)) for c in range(ord("a"), ord("k"))
)


def whole(rng: random.Random, data: bytes) -> bytes:
    """Replace the file."""
    del data
    return rng.choice(
        [
            b"",
            b"\n",
            b"null",
            b"[]",
            b"{}",
            b"0",
            b'"x"',
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b"9" * 5000,
            b"\xff\xfe\x00",
            ALIAS_BOMB,
            b"x: &x [*x]",
            b"\x00" * 100,
            b"\x89PNG\r\n\x1a\n",
            b"PK\x03\x04",
            b"GIF89a\xff\xff\xff\xff\x00\x00\x00",
            b"%!PS-Adobe-3.0 EPSF",
        ]
    )


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Flip, insert, remove or repeat bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1:
                changed[at:at] = bytes([rng.randrange(256)])
            case 2:
                del changed[at : at + rng.choice((1, 5, 100))]
            case 3:
                changed[at:at] = changed[at : at + 50]
            case 4:
                changed[at:at] = rng.choice(TEXTS)
            case _:
                del changed[at:]
    return bytes(changed)


def reencoded(rng: random.Random, data: bytes) -> bytes:
    """Write a text in another encoding."""
    text = data.decode("utf-8", errors="replace")
    return text.encode(rng.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7", "cp037")), errors="replace")


def nodes(value: Any) -> list[tuple[Any, Any]]:
    """Return every container and key of a JSON value."""
    found: list[tuple[Any, Any]] = []
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        found += [(value, key), *nodes(child)]
    return found


def hostile_value(rng: random.Random, value: Any) -> None:
    """Change one value or key of a JSON value."""
    places = nodes(value)
    if not places:
        return
    parent, key = rng.choice(places)
    match rng.randrange(8):
        case 0 if isinstance(parent, dict):
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[rng.choice(("x", "", "\ud800", "../x", "schema", "[/b]", "x" * 300))] = parent.pop(key)
        case 2:
            other_parent, other_key = rng.choice(places)
            parent[key] = copy.deepcopy(other_parent[other_key]) if other_key in _keys(other_parent) else None
        case _:
            parent[key] = copy.deepcopy(rng.choice(HOSTILE))


def _keys(parent: Any) -> Any:
    return parent if isinstance(parent, dict) else range(len(parent))


def json_values(rng: random.Random, data: bytes) -> bytes:
    """Change values of a JSON document."""
    value = json.loads(data)
    for _ in range(rng.choice((1, 1, 1, 3))):
        hostile_value(rng, value)
    return json.dumps(value).encode()


def json_lines(rng: random.Random, data: bytes) -> bytes:
    """Change values in one line of JSON lines, or the lines themselves."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    match rng.randrange(8):
        case 0:
            lines[at:at] = [lines[at]]
        case 1:
            del lines[at]
        case 2:
            rng.shuffle(lines)
        case _:
            lines[at] = json_values(rng, lines[at])
    return b"\n".join(lines) + rng.choice((b"\n", b"\n", b""))


def yaml_lines(rng: random.Random, data: bytes) -> bytes:
    """Change a value or a line of a YAML file."""
    lines = data.splitlines()
    at = rng.randrange(len(lines))
    value = rng.choice(HOSTILE)
    text = rng.choice(TEXTS) if rng.random() < 0.3 else json.dumps(value).encode()
    match rng.randrange(6):
        case 0:
            lines[at:at] = [lines[at]]
        case 1:
            del lines[at]
        case 2:
            lines[at] = b"  " + lines[at]
        case _:
            name, colon, _ = lines[at].partition(b":")
            lines[at] = name + colon + b" " + text
    return b"\n".join(lines) + b"\n"


def table_fields(rng: random.Random, data: bytes) -> bytes:
    """Change a field or a line of a text table with commas or blanks."""
    lines = data.splitlines() or [b""]
    at = rng.randrange(len(lines))
    sign = b"," if b"," in lines[at] else b" "
    fields = lines[at].split(sign)
    match rng.randrange(6):
        case 0:
            lines[at:at] = [lines[at]]
        case 1:
            del fields[rng.randrange(len(fields))]
        case 2:
            fields.append(b"1")
        case _:
            numbers = (
                b"0",
                b"-1",
                b"1e400",
                b"nan",
                b"inf",
                b"99999999",
                b"99999999999999999999",
                b"1.5",
                b"",
                b" 1",
                b"x",
            )
            fields[rng.randrange(len(fields))] = rng.choice((*numbers, *TEXTS[:9]))
    lines[min(at, len(lines) - 1)] = sign.join(fields)
    return b"\n".join(lines) + b"\n"
