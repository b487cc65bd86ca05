"""The mutation of a file, by its kind."""

import random
from collections.abc import Callable
from pathlib import Path

from tests.fuzz.binary_mutations import archive, image, packed_tensors, tar_archive
from tests.fuzz.text_mutations import damaged, json_lines, json_values, reencoded, table_fields, whole, yaml_lines

Mutation = Callable[[random.Random, bytes], bytes]

GENERAL: tuple[Mutation, ...] = (whole, damaged, damaged, reencoded)
BY_SUFFIX: dict[str, Mutation] = {
    ".json": json_values,
    ".jsonl": json_lines,
    ".yaml": yaml_lines,
    ".txt": table_fields,
    ".jpg": image,
    ".png": image,
    ".zip": archive,
    ".pth": archive,
    ".gz": tar_archive,
    ".safetensors": packed_tensors,
}


def mutate(rng: random.Random, path: Path, data: bytes) -> bytes:
    """Return mutated content of a file; two of three mutations fit its kind."""
    fitting = BY_SUFFIX[path.suffix]
    return fitting(rng, data) if rng.random() < 2 / 3 else rng.choice(GENERAL)(rng, data)
