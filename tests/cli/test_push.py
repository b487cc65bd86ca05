"""``mevis-bench push`` and ``pull``: a run goes to the hub when told so, and comes back verified."""

import json
from pathlib import Path

import pytest
import yaml

from mevis_bench.cli.app import main
from mevis_bench.records import ExitCode
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.loopback_hub import COMMIT, LoopbackHub
from tests.fixtures.tiny_split import write_tiny_split

REPO = "someone/my-run"
PLACE = f"datasets/{REPO}"


@pytest.fixture
def run(tmp_path: Path, hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch, capsys) -> Path:
    data = write_tiny_split(tmp_path / "valid_u")
    words = ["run", "--task", "rvos", "--method", "empty", "--device", "cpu", "--data", str(data)]
    assert main([*words, "--out", str(tmp_path / "run")]) == ExitCode.OK
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    capsys.readouterr()
    return tmp_path / "run"


def _push(run: Path, *words: str) -> int:
    return main(["push", str(run), "--to", "hub", REPO, *words])


def test_a_run_is_uploaded_and_comes_back(run: Path, hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    assert _push(run) == ExitCode.OK
    assert f"back: mevis-bench pull {REPO} --out DIR" in capsys.readouterr().out
    assert set(hub.tokens) == {"Bearer hf_secret"}
    files = hub.files[PLACE]
    assert set(files) == {
        "README.md", "push.json", "manifest.json", "samples.jsonl", "results.json", "scores.jsonl",
        "predictions/va.jsonl", "predictions/vb.jsonl", "predictions/vc.jsonl",
    }  # fmt: skip
    manifest = files["manifest.json"].decode()
    assert str(tmp_path) not in manifest + files["README.md"].decode()
    assert json.loads(manifest)["data"] == "valid_u"
    assert "--data valid_u" in files["README.md"].decode()
    assert "host" not in json.loads(manifest)["machine"]
    back = tmp_path / "back"
    assert main(["pull", REPO, "--out", str(back)]) == ExitCode.OK
    assert capsys.readouterr().out == f"{back}: {REPO} at {COMMIT}, verified\n"
    for name in ("results.json", "scores.jsonl", "predictions/va.jsonl"):
        assert (back / name).read_bytes() == (run / name).read_bytes()
    assert RunFolder(back).read_manifest().identity == RunFolder(run).read_manifest().identity
    assert main(["report", str(back), "--json"]) == ExitCode.OK


def test_the_card_has_model_index_metadata(run: Path, hub: LoopbackHub) -> None:
    assert _push(run) == ExitCode.OK
    _, front, text = hub.files[PLACE]["README.md"].decode().split("---\n", 2)
    metadata = yaml.safe_load(front)
    (model,) = metadata["model-index"]
    (result,) = model["results"]
    assert (model["name"], result["task"]["type"]) == ("empty:default", "rvos")
    assert result["dataset"]["split"] == "valid_u"
    scores = json.loads((run / "results.json").read_text())["metrics"]
    values = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert values == {name: pytest.approx(100 * value) for name, value in scores.items() if value is not None}
    assert f"mevis-bench pull {REPO} --out RUN" in text
    assert "| empty:default | heuristic |" in text


def test_the_card_shows_foreign_text(run: Path, hub: LoopbackHub) -> None:
    folder = RunFolder(run)
    manifest = json.loads(folder.manifest_path.read_text())
    manifest["title"] = manifest["identity"]["method"] = "`<b>|\u202ex"
    folder.manifest_path.write_text(json.dumps(manifest))
    assert _push(run) == ExitCode.OK
    card = hub.files[PLACE]["README.md"].decode()
    assert "\u202e" not in card
    assert "# \\`\\<b\\>\\|�x: rvos" in card
    assert "Predictions of \\`\\<b\\>\\|�x:default by" in card


def test_json(run: Path, hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    assert _push(run, "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["commit"] == COMMIT
    back = tmp_path / "back"
    assert main(["pull", REPO, "--out", str(back), "--json"]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {"run": str(back), "repo": REPO, "commit": COMMIT}


def test_nothing_is_uploaded_by_a_dry_run(run: Path, hub: LoopbackHub, capsys) -> None:
    assert _push(run, "--dry-run") == ExitCode.OK
    printed = capsys.readouterr().out
    assert "predictions/va.jsonl" in printed
    assert "model-index:" in printed
    assert hub.requests == []


def test_what_cannot_be_uploaded(run: Path, hub: LoopbackHub, tmp_path: Path, capsys, monkeypatch) -> None:
    assert main(["push", str(tmp_path), "--to", "hub", REPO]) == ExitCode.USAGE
    assert "not a run folder: it has no manifest.json" in capsys.readouterr().err
    assert main(["push", str(run), "no-owner"]) == ExitCode.USAGE
    assert "error: REPO: expected owner/name, got 'no-owner'\n" in capsys.readouterr().err
    hub.gated = 403
    assert _push(run) == ExitCode.FAILED
    assert "the hub refused the request: HTTP status 403" in capsys.readouterr().err
    monkeypatch.delenv("HF_TOKEN")
    assert _push(run) == ExitCode.USAGE
    assert "error: not logged in to the hub\nhf auth login" in capsys.readouterr().err
    folder = RunFolder(run)
    text = folder.manifest_path.read_text().replace('"status": "finished"', '"status": "interrupted"')
    folder.manifest_path.write_text(text)
    assert _push(run) == ExitCode.USAGE
    assert "the run is interrupted; only finished runs are uploaded" in capsys.readouterr().err
    assert hub.files == {}


def test_what_comes_back_is_verified(run: Path, hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    assert _push(run) == ExitCode.OK
    files = hub.files[PLACE]
    pull = ["pull", REPO, "--out"]
    original = dict(files)
    files["results.json"] = original["results.json"].replace(b"0.", b"0.9", 1)
    assert main([*pull, str(tmp_path / "changed")]) == ExitCode.USAGE
    assert f"error: {REPO}/results.json: not the file that was pushed: its sha256 is " in capsys.readouterr().err
    assert not (tmp_path / "changed").exists()
    assert main([*pull, str(run)]) == ExitCode.USAGE
    assert "the folder is not empty\nGive another --out." in capsys.readouterr().err
    assert main([*pull, str(tmp_path / "other"), "--revision", "f" * 40]) == ExitCode.FAILED
    assert f"{REPO} has no revision {'f' * 40}" in capsys.readouterr().err


def test_a_record_cannot_name_files_elsewhere(run: Path, hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    record = {"files": {"manifest.json": "0" * 64, "../out": "0" * 64}, "version": "0", "schema": 1}
    hub.files[PLACE] = {"push.json": json.dumps(record).encode()}
    assert main(["pull", REPO, "--out", str(tmp_path / "back")]) == ExitCode.USAGE
    assert "invalid file '../out' ('..'): it starts with a dot" in capsys.readouterr().err


def test_a_missing_prediction_is_an_error(run: Path, hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    lines = (run / "predictions" / "va.jsonl").read_text().splitlines(keepends=True)
    (run / "predictions" / "va.jsonl").write_text(lines[0])
    assert _push(run) == ExitCode.OK
    assert main(["pull", REPO, "--out", str(tmp_path / "back")]) == ExitCode.USAGE
    assert "va.jsonl: no prediction of 1\n" in capsys.readouterr().err


def _with(description: bytes, **changes: object) -> bytes:
    """Change the first file of a repository's description."""
    document = json.loads(description)
    document["siblings"][0].update(changes)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: b"<html>Log in</html>", "the answer is not one of a Hugging Face hub: Expecting value: line 1"),
        (lambda body: b"[" * 100_000, "the answer is not one of a Hugging Face hub: RecursionError: "),
        (lambda body: b"[]", "the answer is not one of a Hugging Face hub: "),
        (lambda body: b"{}", "the answer is not one of a Hugging Face hub: "),
        (lambda body: body.replace(COMMIT.encode(), b"../../x"), f"does not say which commit main of {REPO} is"),
        (lambda body: _with(body, blobId="../../x", lfs=None), "push.json has size 190 and hash '../../x'"),
        (lambda body: _with(body, size=-1), "push.json has size -1 and hash "),
        (lambda body: _with(body, size="1"), "push.json has size '1' and hash "),
        (lambda body: _with(body, lfs={"size": 3}), "the answer is not one of a Hugging Face hub: KeyError: "),
        (lambda body: _with(body, rfilename=[]), f"{REPO} has no file push.json at {COMMIT}"),
    ],
)
def test_a_strange_answer_is_one_error(hub: LoopbackHub, tmp_path: Path, capsys, change, message) -> None:
    record = {"files": {"manifest.json": "0" * 64}, "version": "0", "schema": 1}
    hub.files[PLACE] = {"push.json": json.dumps(record).encode().ljust(190)}
    hub.descriptions[PLACE] = change(hub.describe(PLACE))
    assert main(["pull", REPO, "--out", str(tmp_path / "back")]) == ExitCode.FAILED
    text = capsys.readouterr().err
    assert message in text
    assert text.count("error: ") == 1
    assert not any(path.name == "x" for path in tmp_path.rglob("*"))
    assert not (tmp_path / "back").exists()


def test_a_name_that_the_hub_does_not_have(hub: LoopbackHub, tmp_path: Path, capsys) -> None:
    assert main(["pull", "someone/a--b", "--out", str(tmp_path / "back")]) == ExitCode.USAGE
    assert "error: someone/a--b: not a name of the hub: Cannot have -- or .. in repo_id" in capsys.readouterr().err
