"""Runs on the Hugging Face hub: upload of a finished run as a data set, and back, verified."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mevis_bench import __version__
from mevis_bench.files.hub import download, hub_errors, resolve_commit
from mevis_bench.files.names import resolve_inside
from mevis_bench.methods.weights import sha256
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.hub_source import HubSource
from mevis_bench.runs.protocol_facts import protocol_facts
from mevis_bench.schemas.json_files import encode_document, read_json_file
from mevis_bench.schemas.manifest import Manifest
from mevis_bench.schemas.push_record import PushRecord
from mevis_bench.store.run_folder import RunFolder

RECORD = "push.json"

_FOLDERS = re.compile(r"(?:(?<=^)|(?<=[\s'\"=]))/(?:[^\s/'\"]+/)*(?=[^\s/'\"])")
"""Folders of an absolute path, which say more of a machine than a reader needs."""

_SCORES = ("results.json", "scores.jsonl")


@dataclass(frozen=True, slots=True)
class PushedRun:
    """An uploaded run.

    Attributes:
        url: Page of the commit.
        commit: The commit.
    """

    url: str
    commit: str


def files_to_push(run: Path) -> Mapping[str, Path | bytes]:
    """Return what is uploaded of a run, by path: files, and the manifest without names of this machine's folders.

    Raises:
        DataError: It is not a run's folder.
        UsageError: The run is not finished, or a sample failed.
    """
    folder = RunFolder(run)
    manifest = folder.read_manifest()
    if manifest.status != "finished":
        raise UsageError(
            f"the run is {manifest.status}; only finished runs are uploaded",
            location=str(run),
            hint="Run the same command again to resume it.",
        )
    files: dict[str, Path | bytes] = {"manifest.json": encode_document(_shareable(manifest)).encode()}
    scored = [run / name for name in _SCORES if (run / name).is_file()]
    for path in (folder.samples_path, *scored, *sorted(folder.predictions.glob("*.jsonl"))):
        files[path.relative_to(run).as_posix()] = path
    record = PushRecord({name: _hash(content) for name, content in files.items()}, __version__)
    return {**files, RECORD: encode_document(record).encode()}


def facts_to_push(run: Path) -> Mapping[str, str]:
    """Return the facts of a run for its card, without names of this machine's folders."""
    return {topic: str(_shortened(text)) for topic, text in protocol_facts(run).items()}


def push(files: Mapping[str, Path | bytes], card: str, repo: str, *, private: bool) -> PushedRun:
    """Upload files and a card to a data set repository, which is created where there is none.

    Raises:
        UsageError: There is no token, or ``repo`` is not ``owner/name``.
        DownloadError: No network, or the hub refuses.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants, get_token

    _check_repo(repo)
    if get_token() is None:
        raise UsageError("not logged in to the hub", hint="hf auth login, with a token that can write; or HF_TOKEN.")
    api = HfApi(endpoint=constants.ENDPOINT)
    contents: dict[str, Path | bytes] = {"README.md": card.encode(), **files}
    with hub_errors(repo):
        api.create_repo(repo, repo_type="dataset", private=private or None, exist_ok=True)
        done = api.create_commit(
            repo,
            [CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=f"Add a run by mevis-bench {__version__}",
            repo_type="dataset",
        )
    return PushedRun(done.commit_url, done.oid)


def pull(repo: str, out: Path, revision: str | None = None) -> str:
    """Download a pushed run into a new folder and verify it.

    Returns:
        The commit.

    Raises:
        UsageError: The folder is not empty, or ``repo`` is not ``owner/name``.
        DownloadError: It cannot be had now.
        DataError: A file is not the one that was pushed, the manifest is invalid, or a prediction is missing.
    """
    _check_repo(repo)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError("the folder is not empty", location=str(out), hint="Give another --out.")
    commit = resolve_commit(repo, "dataset", revision)
    (path,) = download(HubSource(repo, commit, file=RECORD), commit, "dataset").values()
    record = read_json_file(path, PushRecord)
    if "manifest.json" not in record.files:
        raise DataError("names no manifest.json", location=f"{repo}/{RECORD}")
    places = {name: resolve_inside(out, name, "file", f"{repo}/{RECORD}") for name in record.files}
    files = download(HubSource(repo, commit, files=tuple(record.files)), commit, "dataset")
    for name, path in files.items():
        if _hash(path) != record.files[name]:
            raise DataError(f"not the file that was pushed: its sha256 is {_hash(path)}", location=f"{repo}/{name}")
    for name, path in files.items():
        places[name].parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, places[name])  # a run may be changed in place, so it is no link to the cache
    _check_complete(RunFolder(out))
    return commit


def _check_complete(folder: RunFolder) -> None:
    """Raise unless every sample of the run's identity has a prediction."""
    expected: dict[str, set[str]] = {}
    for sample in folder.read_manifest().identity.samples:
        video_id, _, expression_id = sample.rpartition("/")
        expected.setdefault(video_id, set()).add(expression_id)
    for video_id, expressions in expected.items():
        missing = expressions - folder.predicted(video_id).keys()
        if missing:
            raise DataError(f"no prediction of {min(missing)}", location=str(folder.predictions_path(video_id)))


def _check_repo(repo: str) -> None:
    try:
        HubSource(repo, None, file=RECORD)
    except ValueError:
        raise UsageError(f"expected owner/name, got {repo!r}", location="REPO") from None


def _shareable(manifest: Manifest) -> Manifest:
    """Return a manifest without the host's name, and with the last names only of absolute paths."""
    machine = {name: value for name, value in manifest.machine.items() if name != "host"}
    return replace(manifest, machine=machine, data=_shortened(manifest.data), config=_shortened(manifest.config))


def _shortened(value: Any) -> Any:
    if isinstance(value, str):
        return _FOLDERS.sub("", value)
    if isinstance(value, Mapping):
        return {key: _shortened(each) for key, each in value.items()}
    return [_shortened(each) for each in value] if isinstance(value, (list, tuple)) else value


def _hash(content: Path | bytes) -> str:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else sha256(content)
