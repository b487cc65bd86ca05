"""CPU time of start-up with msgspec and with pydantic: the figures of docs/decisions/schema-library.md.

``python -m benchmarks.schema_libraries``; pydantic has to be installed next to mevis-bench. CPU time of the child
process (user and system), the least of twelve, so that other processes on the machine do not count.
"""

import os
import subprocess
import sys
import timeit

_COMMAND = """
import sys
from mevis_bench.cli.app import main
try:
    main({arguments!r})
except SystemExit:
    pass
"""
_FIELDS = """
    id: str
    status: Literal["ok", "failed"]
    seconds: float
    frames: int
    error: str | None = None
    values: Mapping[str, float | None] = {}
"""
_MSGSPEC = f"class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):{_FIELDS}"
_PYDANTIC = (
    f"class Record(pydantic.BaseModel):\n    model_config = pydantic.ConfigDict(strict=True, extra='forbid'){_FIELDS}"
)
_DATACLASS = (
    "@dataclasses.dataclass(frozen=True, slots=True)\nclass Record:"
    f"{_FIELDS.replace('= {}', '= dataclasses.field(default_factory=dict)')}"
)
_TYPING = "from collections.abc import Mapping\nfrom typing import Literal\n"
_LINE = '{"id": "a/0", "status": "ok", "seconds": 1.5, "frames": 60, "values": {"J": 0.5, "F": null}}'


def cpu_milliseconds(code: str, repeats: int = 12) -> float:
    """Return the least CPU time of a Python process that runs ``code``."""
    least = float("inf")
    for _ in range(repeats):
        before = os.times()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = os.times()
        user = after.children_user - before.children_user
        least = min(least, user + after.children_system - before.children_system)
    return 1000 * least


def main() -> None:
    """Print one line per case."""
    msgspec_records = f"import msgspec\n{_TYPING}{25 * (_MSGSPEC + chr(10))}"
    cases = {
        "python -c pass": "pass",
        "25 dataclasses": f"import dataclasses\n{_TYPING}{25 * (_DATACLASS + chr(10))}",
        "25 dataclasses, import msgspec": f"import dataclasses, msgspec\n{_TYPING}{25 * (_DATACLASS + chr(10))}",
        "25 msgspec structs": msgspec_records,
        "25 pydantic models": f"import pydantic\n{_TYPING}{25 * (_PYDANTIC + chr(10))}",
        "mevis-bench --help": _COMMAND.format(arguments=["--help"]),
        "mevis-bench list methods": _COMMAND.format(arguments=["list", "methods"]),
    }
    for name, code in cases.items():
        print(f"{name:32} {cpu_milliseconds(code):6.0f} ms", flush=True)
    for name, setup, call in (
        ("msgspec", f"{_MSGSPEC}\ndecode = msgspec.json.Decoder(Record).decode", "decode(line)"),
        ("pydantic", _PYDANTIC, "Record.model_validate_json(line)"),
        ("json.loads", "", "json.loads(line)"),
    ):
        prepare = f"import json, msgspec, pydantic\n{_TYPING}{setup}\nline = {_LINE!r}"
        seconds = min(timeit.repeat(call, prepare, number=20_000, repeat=3)) / 20_000
        print(f"one line with {name:18} {1e6 * seconds:6.1f} us")


if __name__ == "__main__":
    main()
