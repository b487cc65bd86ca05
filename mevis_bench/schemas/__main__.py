"""``python -m mevis_bench.schemas docs/reference``: write the JSON Schemas and reference pages of all formats.

Examples are read from ``<folder>/examples/<format>.*``.
"""

import json
import sys
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.schemas.formats import FORMATS
from mevis_bench.schemas.json_schema import json_schema
from mevis_bench.schemas.pages import page


def reference_files(folder: Path) -> dict[Path, str]:
    """Return the content of every generated file below ``folder``, which holds the examples."""
    files = {}
    for format_ in FORMATS:
        (example,) = folder.glob(f"examples/{format_.name}.*")
        schema = json.dumps(json_schema(format_), indent=2, ensure_ascii=False)
        files[folder / "schemas" / f"{format_.name}.json"] = schema + "\n"
        files[folder / f"{format_.name}.md"] = page(format_, example.read_text(encoding="utf-8"))
    return files


def main(arguments: list[str]) -> None:
    """Write the files below the folder in ``arguments``."""
    (folder,) = arguments
    for path, content in reference_files(Path(folder)).items():
        atomic_write(path, content)


if __name__ == "__main__":
    main(sys.argv[1:])
