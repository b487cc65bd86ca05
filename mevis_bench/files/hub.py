"""Files of the Hugging Face hub at a commit: found, downloaded into the hub's cache, checked.

``huggingface_hub`` does the work, with its own settings: ``HF_ENDPOINT`` (a mirror), ``HF_HOME`` (cache and token),
``HF_HUB_OFFLINE``. An interrupted download is kept there and continued.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from mevis_bench.files.names import validate_relative_path
from mevis_bench.records import DataError, DownloadError, UsageError
from mevis_bench.records.hub_source import HubSource, is_commit

RepoKind = Literal["model", "dataset"]

REQUEST_SECONDS = 10.0
"""Time limit of a question to the hub: without a network there is an error soon."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """Facts of a file before it is downloaded, from the hub.

    Attributes:
        size: Bytes.
        digest: Name and value of the hash that the hub knows: ``sha256``, or ``git`` for small files.
    """

    size: int
    digest: tuple[Literal["sha256", "git"], str]


def pinned_revisions(sources: Iterable[HubSource], revision: str | None) -> Mapping[str, str]:
    """Return the commit to download of each repository: the one that its source names, else ``revision``.

    Raises:
        UsageError: A repository has no commit, or ``revision`` is not needed or is a branch or tag, which may move.
    """
    if revision is not None and not is_commit(revision):
        raise UsageError(
            f"expected a commit, 40 hexadecimal digits, got {revision!r}",
            location="--revision",
            hint="Branches and tags may move.",
        )
    named = {source.repo: source.revision for source in sources}
    open_ = [repo for repo, commit in named.items() if commit is None]
    if revision is None and open_:
        raise UsageError(
            f"no revision of {' and '.join(open_)} is pinned here",
            hint="Choose a commit in the history of its files and give --revision COMMIT.",
        )
    if revision is not None and (len(open_) > 1 or (not open_ and revision not in named.values())):
        what = f"{' and '.join(open_)} need one each" if open_ else f"{' and '.join(named)} has a pinned one"
        raise UsageError(f"this revision cannot be used: {what}", location=f"--revision {revision}")
    return {repo: commit or str(revision) for repo, commit in named.items()}


def cached_files(source: HubSource, revision: str, kind: RepoKind) -> Mapping[str, Path]:
    """Return the files that are in the hub's cache, by their name in the repository, without using the network."""
    from huggingface_hub import try_to_load_from_cache

    found = {}
    for name in source.names:
        path = try_to_load_from_cache(source.repo, name, revision=revision, repo_type=kind)
        if isinstance(path, str):
            found[name] = Path(path)
    return found


def download(source: HubSource, revision: str, kind: RepoKind) -> Mapping[str, Path]:
    """Return all files of a source, downloading into the hub's cache those that are not there.

    A downloaded file is compared with the hash that the hub knows; one that differs is removed from the cache.

    Returns:
        Paths in the cache by the files' names in the repository, in order.

    Raises:
        DownloadError: No network, offline mode, no access, or there is no such repository, revision or file.
        DataError: What came is not what the hub announced.
        UsageError: The disk is too small.
    """
    from huggingface_hub import constants

    cached = cached_files(source, revision, kind)
    missing = [name for name in source.names if name not in cached]
    if missing:
        with hub_errors(source.repo, revision):
            announced = _announced(source.repo, revision, kind, missing)
        _check_space(announced, Path(constants.HF_HUB_CACHE))
    fetched = {name: _fetch(source.repo, revision, kind, name, announced[name]) for name in missing}
    return {name: cached.get(name) or fetched[name] for name in source.names}


def _fetch(repo: str, revision: str, kind: RepoKind, name: str, file: HubFile) -> Path:
    """Download one file into the hub's cache, continuing what an earlier call has left, and check it.

    ``hf_hub_download`` starts from the beginning in every call; the layout of the cache is that of its documentation.
    """
    from huggingface_hub import constants, get_token, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name

    folder = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type=kind)
    pointer = folder / "snapshots" / revision / validate_relative_path(name, "file", repo)
    blob = folder / "blobs" / file.digest[1]
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(f"{blob.name}.mevis-bench.incomplete")
    with FileLock(partial.with_suffix(".lock")):
        if not blob.exists():
            done = partial.stat().st_size if partial.exists() else 0
            if done > file.size:
                partial.unlink()
                done = 0
            token = get_token()
            headers = None if token is None else {"Authorization": f"Bearer {token}"}
            url = hf_hub_url(repo, name, repo_type=kind, revision=revision, endpoint=constants.ENDPOINT)
            with partial.open("ab") as target, hub_errors(repo, revision):
                http_get(
                    url, target, resume_size=done, headers=headers, expected_size=file.size,
                    displayed_filename=name,
                )  # fmt: skip
            _check_digest(partial, file, f"{repo}@{revision[:7]}/{name}")
            partial.replace(blob)
        pointer.parent.mkdir(parents=True, exist_ok=True)
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    return pointer


def resolve_commit(repo: str, kind: RepoKind, revision: str | None) -> str:
    """Return the commit of a revision; ``None``: of the main branch, as it is now.

    Raises:
        DownloadError: No network, no access, or there is no such repository or revision.
    """
    if revision is not None and is_commit(revision):
        return revision
    with hub_errors(repo, revision):
        commit = _repo_info(repo, revision, kind).sha
    if not (isinstance(commit, str) and is_commit(commit)):
        raise DownloadError(f"the hub does not say which commit {revision or 'main'} of {repo} is")
    return commit


def forget(path: Path) -> None:
    """Remove a file from the hub's cache, so that it is downloaded again."""
    blob = path.resolve()
    path.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)


def _repo_info(repo: str, revision: str | None, kind: RepoKind, *, files: bool = False) -> Any:
    """Return what the hub says of a repository; raises ``ValueError`` where that is nothing of the sort."""
    from huggingface_hub import HfApi, constants

    try:
        return HfApi(endpoint=constants.ENDPOINT).repo_info(
            repo, revision=revision, repo_type=kind, files_metadata=files, timeout=REQUEST_SECONDS
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:  # the library trusts the answer's fields
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _announced(repo: str, revision: str, kind: RepoKind, names: list[str]) -> Mapping[str, HubFile]:
    info = _repo_info(repo, revision, kind, files=True)
    siblings = {str(sibling.rfilename): sibling for sibling in getattr(info, "siblings", None) or ()}
    files: dict[str, HubFile] = {}
    for name in names:
        if name not in siblings:
            raise DownloadError(f"{repo} has no file {name} at {revision}")
        size, lfs, blob = siblings[name].size, siblings[name].lfs, siblings[name].blob_id
        digest = blob if lfs is None else lfs.sha256
        if not (isinstance(size, int) and size >= 0 and isinstance(digest, str) and _HASH.fullmatch(digest)):
            raise ValueError(f"{name} has size {size!r} and hash {digest!r}")  # the hash is a name in the cache
        files[name] = HubFile(size, ("git" if lfs is None else "sha256", digest))
    return files


_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def _check_space(files: Mapping[str, HubFile], cache: Path) -> None:
    needed = sum(file.size for file in files.values())
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if needed > free:
        raise UsageError(
            f"the download needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free",
            location=str(cache),
            hint="Free some space, or move the cache: HF_HOME.",
        )


def _check_digest(path: Path, expected: HubFile, name: str) -> None:
    kind, value = expected.digest
    digest = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    if digest.hexdigest() != value:
        path.unlink()
        raise DataError(
            f"the download is damaged: its {kind} hash is {digest.hexdigest()}, the hub has {value}",
            location=name,
            hint="It was removed; the same command downloads it again.",
        )


@contextmanager
def hub_errors(repo: str, revision: str | None = None) -> Iterator[None]:
    """Turn the errors of ``huggingface_hub`` into ``DownloadError``s that say what to do."""
    import httpx2
    from huggingface_hub import constants, errors

    endpoint = constants.ENDPOINT
    try:
        yield
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError) as error:
        if constants.HF_HUB_OFFLINE:
            raise DownloadError(
                f"not all files of {repo} are in the cache, and HF_HUB_OFFLINE forbids to download them",
                location=str(constants.HF_HUB_CACHE),
            ) from error
        raise _no_network(endpoint, error) from error
    except errors.GatedRepoError as error:
        raise DownloadError(
            f"the owner of {repo} grants access on request, and you have none",
            location=f"{endpoint}/{repo}",
            hint="Accept its terms there, then log in: hf auth login, or HF_TOKEN.",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(
            f"repository {repo} not found, or it is private and you are not logged in",
            location=f"{endpoint}/{repo}",
            hint="To log in: hf auth login, or HF_TOKEN.",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise DownloadError(f"{repo} has no revision {revision}", location=f"{endpoint}/{repo}") from error
    except errors.EntryNotFoundError as error:
        raise DownloadError(f"a file of {repo} at {revision} is not there", location=f"{endpoint}/{repo}") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        refused = status in (401, 403)
        raise DownloadError(
            f"the hub {'refused' if refused else 'failed to answer'} the request: HTTP status {status}",
            location=f"{endpoint}/{repo}",
            hint="Log in with a token that may do this: hf auth login, or HF_TOKEN." if refused else _CONTINUE,
        ) from error
    except httpx2.HTTPError as error:
        raise _no_network(endpoint, error) from error
    except errors.HFValidationError as error:
        raise UsageError(f"not a name of the hub: {error}", location=repo) from error
    except ValueError as error:
        raise DownloadError(
            f"the answer is not one of a Hugging Face hub: {str(error)[:200]}",
            location=f"{endpoint}/{repo}",
            hint="Check the network (a page to log in?) and HF_ENDPOINT.",
        ) from error
    except OSError as error:
        if error.errno is not None:  # of the disk, which the command line reports
            raise
        raise DownloadError(f"the download failed: {error}", hint=_CONTINUE) from error


_CONTINUE = "What was downloaded is kept; the same command continues."


def _no_network(endpoint: str, error: Exception) -> DownloadError:
    return DownloadError(
        f"no answer: {str(error) or type(error).__name__}",
        location=endpoint,
        hint=f"Check the network, or name a mirror by HF_ENDPOINT. {_CONTINUE}",
    )
