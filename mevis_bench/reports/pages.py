"""HTML pages: jinja2 templates that escape every text, and the style sheets and scripts beside them.

A page opens from disk and from a server alike: it loads nothing from elsewhere, and its content security policy
refuses scripts that are not files of its folder. Data are scripts too, because pages opened from disk cannot fetch.
"""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from mevis_bench.files.atomic import atomic_write
from mevis_bench.records import UsageError
from mevis_bench.reports.escaping import plain

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = "templates"
PAGE_FILES = ("page.css", "page.js")
"""Style sheet and script of every page."""


def render(template: str, **values: object) -> str:
    """Return a template of ``templates/`` filled in; texts are escaped, control characters are shown as ``�``."""
    return _environment().get_template(template).render(**values)


def make_folder(folder: Path) -> Path:
    """Create a folder for pages, and return it.

    Raises:
        UsageError: It is a link to another folder.
    """
    if folder.is_symlink():
        raise UsageError("is a link to a folder", location=str(folder), hint="Give another folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_files(folder: Path, *names: str) -> None:
    """Copy style sheets and scripts of ``templates/`` into a folder."""
    for name in names:
        atomic_write(folder / name, files(__package__).joinpath(TEMPLATES, name).read_bytes())


def write_data(path: Path, before: str, value: object, after: str = "") -> None:
    """Write a value as the script ``window.<before><value as JSON><after>;``; ``<`` is escaped, so no text ends it."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    atomic_write(path, f"window.{before}{text}{after};\n", durable=False)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(__package__, TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: plain(value) if type(value) is str else value,
    )
    environment.filters["arrow"] = lambda metric: "↑" if metric.higher_is_better else "↓"
    environment.filters["percent"] = lambda value: "-" if value is None else f"{100 * value:.1f}"
    return environment
