"""Licenses that the user agreed to, each once."""

from collections.abc import Mapping
from pathlib import Path

from mevis_bench.files.atomic import atomic_write
from mevis_bench.files.cache import cache_path
from mevis_bench.schemas.json_files import encode_document, read_json_file
from mevis_bench.schemas.license_agreements import LicenseAgreements


def agreements_file() -> Path:
    """Return the file with the user's agreements; it need not exist."""
    return cache_path("licenses.json")


def open_licenses(licenses: Mapping[str, str], file: Path) -> Mapping[str, str]:
    """Return those licenses, by repository, that the user has not agreed to, or that read differently since.

    Raises:
        DataError: The file of agreements is invalid.
    """
    agreed = _agreed(file)
    return {repo: text for repo, text in licenses.items() if agreed.get(repo) != text}


def record_agreement(licenses: Mapping[str, str], file: Path) -> None:
    """Add licenses, by repository, to the agreements."""
    atomic_write(file, encode_document(LicenseAgreements({**_agreed(file), **licenses}), sort_keys=True))


def _agreed(file: Path) -> Mapping[str, str]:
    return read_json_file(file, LicenseAgreements, "Remove the file and agree again.").agreed if file.exists() else {}
