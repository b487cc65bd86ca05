"""JSON Schemas (draft 2020-12) of the stored formats."""

import inspect
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from mevis_bench.schemas.field_types import record_fields
from mevis_bench.schemas.formats import Format

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(format_: Format) -> dict[str, Any]:
    """Return the JSON Schema of one document of a format, or of one line."""
    (schema,), definitions = msgspec.json.schema_components(
        [format_.kind], schema_hook=_custom, ref_template="#/$defs/{name}"
    )
    by_name = {record.__name__: record for record in records(format_.kind)}
    for name, definition in definitions.items():
        _complete(definition, by_name[name])
    if format_.other_keys:
        definitions[format_.kind.__name__]["additionalProperties"] = True
    if format_.external:
        for definition in definitions.values():
            definition["additionalProperties"] = True
    document = {"$schema": DIALECT, "title": f"{format_.name} of mevis-bench", **schema}
    if definitions:
        document["$defs"] = dict(sorted(definitions.items()))
    if "schema" in (record_fields(format_.kind) or {}):  # it has a default in Python only
        definitions[format_.kind.__name__]["required"].append("schema")
    return document


def field_docs(record: type) -> Mapping[str, str]:
    """Return the descriptions in the ``Attributes`` sections of a record and of its bases, by field."""
    sections = (inspect.cleandoc(one.__doc__ or "").partition("Attributes:\n")[2] for one in reversed(record.__mro__))
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", "\n".join(sections), re.MULTILINE)
    return {name: " ".join(text.split()).replace("``", "`") for name, text in entries}


def _complete(definition: dict[str, Any], record: type) -> None:
    docs = field_docs(record)
    definition["additionalProperties"] = False
    definition["description"] = inspect.cleandoc(record.__doc__ or "").partition("\n")[0].replace("``", "`")
    for name, entry in definition["properties"].items():
        entry["description"] = docs[name]


def _custom(kind: type) -> dict[str, Any]:
    if kind is Path:
        return {"type": "string"}
    if kind is object:
        return {"$comment": "any value"}  # msgspec takes an empty schema for none
    raise TypeError(f"no JSON Schema for {kind}")


def records(kind: Any) -> list[type]:
    """Return the record types that a type contains, itself first."""
    fields = record_fields(kind)
    found = [kind] if fields is not None else []
    children = tuple(fields.values()) if fields is not None else get_args(kind)
    for child in children:
        found += [record for record in records(child) if record not in found]
    return found
