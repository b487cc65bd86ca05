"""``mevis-bench data get``: a split from the hub, unpacked; archives cannot write elsewhere."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.long_rvos import dataset as long_rvos
from mevis_bench.records import ExitCode
from tests.fixtures.loopback_hub import COMMIT, LoopbackHub

REPO = "datasets/iSEE-Laboratory/Long-RVOS"


def _tar(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return file.getvalue()


def _get(out: Path, *words: str) -> int:
    return main(["data", "get", "long_rvos", "--out", str(out), "--accept-license", "--revision", COMMIT, *words])


def test_a_split_is_downloaded_and_unpacked(tmp_path: Path, hub: LoopbackHub, capsys) -> None:
    fixture = tmp_path / "made"
    assert main(["data", "make-fixture", "long_rvos", "--out", str(fixture)]) == ExitCode.OK
    valid = fixture / "valid"
    frames = {f"./JPEGImages/{p.relative_to(valid / 'JPEGImages')}": p.read_bytes() for p in valid.rglob("*.jpg")}
    masks = {str(p.relative_to(valid / "Annotations")): p.read_bytes() for p in valid.rglob("*.png")}
    hub.files[REPO] = {
        "valid/meta_expressions.json": (valid / "meta_expressions.json").read_bytes(),
        "valid/JPEGImages.tar.gz": _tar({**frames, "./JPEGImages/._x.jpg": b"hidden"}),  # with its own top folder
        "valid/Annotations.tar.gz": _tar(masks),  # without
    }
    out = tmp_path / "data"
    capsys.readouterr()
    assert _get(out) == ExitCode.OK
    assert f"wrote valid of Long-RVOS to {out}; check it: mevis-bench data verify {out}" in capsys.readouterr().out
    assert main(["data", "verify", str(out), "--data-set", "long_rvos"]) in (ExitCode.OK, ExitCode.FAILED)
    for folder in ("JPEGImages", "Annotations"):
        names = sorted(path.relative_to(valid) for path in (valid / folder).rglob("*"))
        assert sorted(path.relative_to(out / "valid") for path in (out / "valid" / folder).rglob("*")) == names
    before = len(hub.requests)
    capsys.readouterr()
    assert _get(out, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"root": str(out), "data_set": "long_rvos", "split": "valid"}
    assert len(hub.requests) == before


@pytest.mark.parametrize(
    ("members", "links", "message"),
    [
        ({"../out.txt": b"x"}, {}, "invalid member '../out.txt' ('..'): it starts with a dot"),
        ({"/tmp/out.txt": b"x"}, {}, "invalid member '/tmp/out.txt': it is absolute or has an empty part"),
        ({}, {"a": "/etc"}, "'a' is neither a file nor a folder"),
        (None, {}, "not a tar archive, or truncated"),
    ],
)
def test_an_archive_cannot_write_elsewhere(tmp_path, hub, capsys, members, links, message) -> None:
    content = b"no archive" if members is None else _tar(members, links)
    hub.files[REPO] = {
        f"valid/{name}": content for name in ("meta_expressions.json", "JPEGImages.tar.gz", "Annotations.tar.gz")
    }
    assert _get(tmp_path / "data") == ExitCode.USAGE
    assert message in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "data" / "valid").iterdir()] == ["meta_expressions.json"]


def test_limits_of_archives(tmp_path, hub, capsys, monkeypatch) -> None:
    from mevis_bench.files import archive

    monkeypatch.setattr(archive, "BOUNDS", replace(archive.BOUNDS, limits={"members": 9, "bytes unpacked": 2}))
    hub.files[REPO] = {name: _tar({"a": b"123"}) for name in long_rvos.INFO.hub["valid"].names}
    assert _get(tmp_path / "data") == ExitCode.USAGE
    assert "3 bytes unpacked: expected at most 2" in capsys.readouterr().err


def test_data_sets_that_a_person_has_to_get(tmp_path, capsys) -> None:
    assert main(["data", "get", "ref_davis17", "--out", str(tmp_path / "x")]) == ExitCode.USAGE
    text = capsys.readouterr().err
    assert text.startswith("error: Ref-DAVIS17 cannot be downloaded by name\nFrom: davischallenge.org")
    assert text.endswith("Then: mevis-bench data verify DIR --data-set ref_davis17\n")
    assert main(["data", "get", "long_rvos", "--split", "no", "--out", str(tmp_path / "x")]) == ExitCode.USAGE
    assert (
        "split no of Long-RVOS cannot be downloaded by name\nSplits that can be downloaded: train, valid, test\n"
        in (capsys.readouterr().err)
    )
