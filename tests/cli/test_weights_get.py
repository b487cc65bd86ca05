"""``mevis-bench weights get``: pinned, checked, resumed, agreed to; each failure is one clear error, and soon."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from huggingface_hub import constants

from mevis_bench.cli.app import main
from mevis_bench.methods.weights import sha256
from mevis_bench.records import ExitCode
from tests.fixtures.loopback_hub import COMMIT, LoopbackHub
from tests.fixtures.method_folders import METHOD_SPEC, write_method_folder

REPO = "someone/network"
CONTENT = bytes(range(256)) * 16
HUB = f"hub: {{{{repo: {REPO}, revision: '{COMMIT}', file: sub/network.bin}}}}"
LINE = 'model: {{file: small.bin, sha256: null, source: "the page", license: MIT, provenance: official, '


def _spec(hub: str = HUB) -> str:
    first = next(line for line in METHOD_SPEC.splitlines() if "model: {" in line)
    return METHOD_SPEC.replace(first, f"      {LINE}{hub}}}}}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: LoopbackHub) -> Path:
    write_method_folder(tmp_path / "methods", "mine", _spec())
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("MEVIS_BENCH_METHOD_DIR", str(tmp_path / "methods"))
    monkeypatch.setenv("MEVIS_BENCH_WEIGHTS", str(tmp_path / "store"))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between attempts to resume
    hub.files[REPO] = {"sub/network.bin": CONTENT, "a.json": b"{}", "b.json": b"[]"}
    return tmp_path


def _rewrite(place: Path, spec: str) -> None:
    (place / "methods" / "mine" / "method.yaml").write_text(spec.format(name="mine"))


def _get(*words: str) -> int:
    return main(["weights", "get", "mine", "--accept-license", *words])


def test_a_file_is_downloaded_once_and_verified(place: Path, hub: LoopbackHub, capsys) -> None:
    stored = place / "store" / "mine" / "small.bin"
    assert _get() == ExitCode.OK
    assert capsys.readouterr().err == f"{REPO}: license MIT\nmine:small model: {stored}\n"
    assert stored.read_bytes() == CONTENT
    record = json.loads((stored.parent / "small.bin.origin.json").read_text())
    assert record == {
        "file": "sub/network.bin",
        "sha256": sha256(stored),
        "stored_sha256": sha256(stored),
        "source": f"{REPO}@{COMMIT}",
    }
    blob = place / "hub-cache" / "models--someone--network" / "blobs" / sha256(stored)
    assert stored.samefile(blob)  # nothing is kept twice
    before = len(hub.requests)
    assert _get() == ExitCode.OK
    assert capsys.readouterr().err == "mine:small: nothing is missing\n"
    assert len(hub.requests) == before
    assert main(["weights", "verify", "mine", "--json"]) == ExitCode.OK
    assert [row["result"] for row in json.loads(capsys.readouterr().out)] == ["ok"]
    stored.unlink()
    stored.write_bytes(b"changed")
    assert main(["weights", "verify", "mine", "--json"]) == ExitCode.FAILED
    assert [row["result"] for row in json.loads(capsys.readouterr().out)] == ["changed"]


def test_the_license_is_agreed_to_once(place: Path, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    get = ["weights", "get", "mine"]
    assert main(get) == ExitCode.USAGE
    assert capsys.readouterr().err == (
        f"{REPO}: license MIT\nerror: the license has to be agreed to before the download\nGive --accept-license.\n"
    )
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", lambda text, err: False)
    assert main(get) == ExitCode.USAGE
    assert "error: not downloaded: the license was not agreed to\n" in capsys.readouterr().err
    monkeypatch.setattr("typer.confirm", lambda text, err: True)
    assert main(get) == ExitCode.OK
    (place / "store" / "mine" / "small.bin").unlink()
    monkeypatch.setattr("typer.confirm", lambda text, err: pytest.fail("a second time"))
    capsys.readouterr()
    assert main(get) == ExitCode.OK
    assert f"{REPO}: license" not in capsys.readouterr().err
    _rewrite(place, _spec().replace("license: MIT", "license: other terms"))
    (place / "store" / "mine" / "small.bin").unlink()
    monkeypatch.setattr("typer.confirm", lambda text, err: False)
    assert main(get) == ExitCode.USAGE
    assert f"{REPO}: license other terms\n" in capsys.readouterr().err


def test_an_interrupted_download_is_resumed(place: Path, hub: LoopbackHub, capsys, monkeypatch) -> None:
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 256)
    hub.cut = 1000
    assert _get() == ExitCode.FAILED
    text = capsys.readouterr().err
    assert f"error: {hub.endpoint}: no answer: " in text
    assert "What was downloaded is kept; the same command continues." in text
    assert hub.ranges()[0] is None
    hub.cut, hub.down = None, False
    assert _get() == ExitCode.OK
    resumed = hub.ranges()[-1]
    assert resumed is not None
    assert 0 < int(resumed.removeprefix("bytes=").rstrip("-")) <= 1000
    assert (place / "store" / "mine" / "small.bin").read_bytes() == CONTENT


def test_a_damaged_download_is_refused_and_got_anew(place: Path, hub: LoopbackHub, capsys) -> None:
    hub.served["sub/network.bin"] = CONTENT[::-1]
    assert _get() == ExitCode.USAGE
    text = capsys.readouterr().err
    assert f"error: {REPO}@{COMMIT[:7]}/sub/network.bin: the download is damaged: its sha256 hash is " in text
    assert "It was removed; the same command downloads it again.\n" in text
    hub.served.clear()
    assert _get() == ExitCode.OK
    assert (place / "store" / "mine" / "small.bin").read_bytes() == CONTENT


def test_a_file_of_another_hash_than_the_pinned_one_is_refused(place: Path, hub: LoopbackHub, capsys) -> None:
    _rewrite(place, _spec().replace("sha256: null", f"sha256: '{'0' * 64}'"))
    assert _get() == ExitCode.USAGE
    assert f"not the expected file: sha256 is {_hash(CONTENT)}, expected {'0' * 64}" in capsys.readouterr().err
    assert list((place / "store").rglob("*.bin")) == []
    _rewrite(place, _spec().replace("sha256: null", f"sha256: '{_hash(CONTENT)}'"))
    assert _get() == ExitCode.OK
    assert len(hub.ranges()) == 2  # the refused file was not kept


def _hash(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_a_folder_is_put_together(place: Path, hub: LoopbackHub, capsys) -> None:
    spec = _spec(f"hub: {{{{repo: {REPO}, revision: '{COMMIT}', files: [a.json, b.json]}}}}")
    _rewrite(place, spec.replace("small.bin", "network"))
    assert _get("--json") == ExitCode.OK
    folder = place / "store" / "mine" / "network"
    assert json.loads(capsys.readouterr().out) == {"got": {"model": str(folder)}, "by_hand": []}
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.json": b"{}", "b.json": b"[]"}


def test_what_is_in_the_cache_needs_no_network(place: Path, hub: LoopbackHub, capsys, monkeypatch) -> None:
    assert _get() == ExitCode.OK
    (place / "store" / "mine" / "small.bin").unlink()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    assert _get() == ExitCode.OK
    assert len(hub.requests) == before


def test_a_revision_that_is_not_pinned_has_to_be_given(place: Path, hub: LoopbackHub, capsys) -> None:
    assert _get("--revision", "f" * 40) == ExitCode.USAGE
    assert f"this revision cannot be used: {REPO} has a pinned one" in capsys.readouterr().err
    _rewrite(place, _spec(f"hub: {{{{repo: {REPO}, revision: null, file: sub/network.bin}}}}"))
    assert _get() == ExitCode.USAGE
    assert f"error: no revision of {REPO} is pinned here\nChoose a commit" in capsys.readouterr().err
    assert _get("--revision", "main") == ExitCode.USAGE
    assert "expected a commit, 40 hexadecimal digits, got 'main'" in capsys.readouterr().err
    assert _get("--revision", COMMIT) == ExitCode.OK


@pytest.mark.parametrize(
    ("words", "status", "message", "hint"),
    [
        ([], 403, f"the owner of {REPO} grants access on request, and you have none", "hf auth login, or HF_TOKEN."),
        ([], 401, f"the owner of {REPO} grants access on request, and you have none", "hf auth login, or HF_TOKEN."),
        (["--revision", "f" * 40], None, f"{REPO} has no revision {'f' * 40}", ""),
        (["no-file"], None, f"{REPO} has no file sub/network.bin at {COMMIT}", ""),
        (
            ["no-repo"],
            None,
            f"repository {REPO} not found, or it is private",
            "To log in: hf auth login, or HF_TOKEN.",
        ),
    ],
)
def test_what_the_hub_refuses(place, hub, capsys, words, status, message, hint) -> None:
    hub.gated = status
    if words[:1] == ["--revision"]:
        _rewrite(place, _spec(f"hub: {{{{repo: {REPO}, revision: null, file: sub/network.bin}}}}"))
    elif words:
        hub.files = {"no-file": {REPO: {}}, "no-repo": {}}[words.pop()]
    assert _get(*words) == ExitCode.FAILED
    text = capsys.readouterr().err
    assert text.count("error: ") == 1
    assert message in text
    assert hint in text
    assert list((place / "store").rglob("*.bin")) == []


def test_without_a_network_there_is_an_error_soon(place: Path, hub: LoopbackHub, capsys, monkeypatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    began = time.monotonic()
    assert _get() == ExitCode.FAILED
    assert time.monotonic() - began < 30  # most of it is this machine's
    assert "error: http://127.0.0.1:1: no answer: " in capsys.readouterr().err
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert _get() == ExitCode.FAILED
    assert f"not all files of {REPO} are in the cache, and HF_HUB_OFFLINE forbids to download them" in (
        capsys.readouterr().err
    )


def test_a_hub_that_does_not_answer_or_fails(place: Path, hub: LoopbackHub, capsys, monkeypatch) -> None:
    monkeypatch.setattr("mevis_bench.files.hub.REQUEST_SECONDS", 0.2)
    hub.silent = True
    assert _get() == ExitCode.FAILED
    assert f"error: {hub.endpoint}: no answer: " in capsys.readouterr().err
    hub.silent, hub.failing = False, 503
    assert _get() == ExitCode.FAILED
    assert (
        "the hub failed to answer the request: HTTP status 503\nWhat was downloaded is kept" in capsys.readouterr().err
    )


def test_a_disk_that_is_too_small(place: Path, hub: LoopbackHub, capsys, monkeypatch) -> None:
    usage = shutil.disk_usage(place)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=4095))
    assert _get() == ExitCode.USAGE
    assert "the download needs 0.0 GB, 0.0 GB are free\nFree some space, or move the cache: HF_HOME." in (
        capsys.readouterr().err
    )
    assert hub.ranges() == []


def test_weights_that_a_person_has_to_get(place: Path, capsys) -> None:
    _rewrite(place, METHOD_SPEC)
    assert _get() == ExitCode.USAGE
    assert capsys.readouterr().err == (
        "error: weights of mine:small that cannot be downloaded: model\nGet by hand:\n"
        "model: the authors' page (license: MIT)\nThen: mevis-bench weights add mine model=FILE\n"
    )


def test_prune_deletes_what_no_method_names(place: Path, capsys) -> None:
    assert _get() == ExitCode.OK
    old = place / "store" / "gone" / "old.bin"
    old.parent.mkdir()
    old.write_bytes(b"12345")
    capsys.readouterr()
    assert main(["weights", "prune", "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"files": {str(old): 5}, "deleted": False}
    assert old.exists()
    assert main(["weights", "prune", "--delete"]) == ExitCode.OK
    assert not old.parent.exists()
    assert (place / "store" / "mine" / "small.bin").exists()
    assert main(["weights", "prune"]) == ExitCode.OK
    assert capsys.readouterr().err.endswith("nothing to prune\n")


def test_the_environment_of_huggingface_hub_is_honored(place: Path, hub: LoopbackHub) -> None:
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(place / "hf-home")}
    command = [sys.executable, "-m", "mevis_bench", "weights", "get", "mine", "--accept-license"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, (place / "store" / "mine" / "small.bin").read_bytes()) == (0, CONTENT), done.stderr
    assert (place / "hf-home" / "hub" / "models--someone--network").is_dir()
