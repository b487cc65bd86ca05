"""``protocol RUN`` says everything that is needed to repeat a number, for runs and for predictions from elsewhere."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from mevis_bench.cli.app import main
from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.metrics.protocol_text import describe_protocol
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.reports.escaping import markdown_text
from mevis_bench.runs.protocol_facts import protocol_facts


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("protocol")
    make_fixture("ref_davis17", root / "data")
    arguments = ["--data", str(root / "data"), "--protocol", "ref_davis_expressions", "--seed", "3"]
    assert main(["run", "--task", "rvos", "--method", "empty", "--out", str(root / "run"), *arguments]) == 0
    return root / "run"


def test_a_run_names_questions_rules_weights_and_command(run: Path) -> None:
    facts = protocol_facts(run)
    split = open_dataset(run.parent / "data")
    lines = [
        f"{video_id}/{expression.id} {expression.text}"
        for video_id in split.video_ids
        for expression in split.expressions(video_id)
    ]
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    assert facts["questions"] == f"12 expressions, sentences {digest}"
    assert facts["data set"] == "ref_davis17, version 2018"
    assert facts["split"] == f"valid, annotation files {split.fingerprint}"
    assert facts["protocol"].startswith("ref_davis_expressions: VISA")
    assert facts["scored frames"] == "all frames that the data set lists"
    assert facts["missing predictions"] == "0 of 12, which count 0"
    assert facts["weights"] == "none"
    command = facts["command"].split()
    assert command[:6] == ["mevis-bench", "run", "--task", "rvos", "--method", "empty"]
    assert command[-4:] == ["--protocol", "ref_davis_expressions", "--seed", "3"]
    assert "--out" not in command


def test_the_printed_command_repeats_the_run(run: Path, tmp_path: Path) -> None:
    command = protocol_facts(run)["command"].split()[1:]
    assert main([*command, "--out", str(tmp_path / "again")]) == 0
    again = json.loads((tmp_path / "again/results.json").read_text())
    assert again == json.loads((run / "results.json").read_text())


def test_changed_data_are_reported_instead_of_a_hash(run: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(run.parent, moved)
    manifest = moved / "run/manifest.json"
    manifest.write_text(manifest.read_text().replace(str(run.parent / "data"), str(moved / "data")))
    path = moved / "data/davis_text_annotations/Davis17_annot1.txt"
    path.write_text(path.read_text().replace("red", "pink"))
    assert "sentences not hashed: the annotation files have changed" in protocol_facts(moved / "run")["questions"]


def test_predictions_from_elsewhere_have_data_and_rules(run: Path, tmp_path: Path) -> None:
    assert main(["score", str(run / "predictions"), "--data", str(run.parent / "data"), "--out", str(tmp_path)]) == 0
    facts = protocol_facts(tmp_path)
    assert facts["protocol"].startswith("ref_davis_annotators: ReferFormer")
    assert facts["matching"].endswith("so swapped objects cost nothing")
    assert "method" not in facts
    assert facts["questions"].startswith("12 expressions, ids ")


def test_command_report_and_zip_carry_the_facts(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", str(run), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == protocol_facts(run)
    assert main(["report", str(run), "--protocol-facts", "--format", "markdown"]) == 0
    printed = capsys.readouterr().out
    assert all(f"- {name}: {markdown_text(value)}" in printed for name, value in facts.items())
    assert main(["report", str(run), "--protocol-facts"]) == 0
    assert "boundary tolerance" in capsys.readouterr().out
    assert main(["report", str(run), "--protocol-facts", "--format", "csv"]) == 2
    zipped = ["submit", "pack", str(run), "--out", str(tmp_path / "s.zip"), "--profile", "mevis_v1"]
    assert main(zipped) == 0
    assert json.loads((tmp_path / "s.zip.manifest.json").read_text())["protocol"] == facts


def test_facts_in_markdown_show_foreign_text(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "results.json"
    results = json.loads(path.read_text())
    text = "<script>alert(1)</script> **bold** [l](http://x) \x1b[31m"
    path.write_text(json.dumps({**results, "choices": {**results["choices"], text: "1"}}))
    assert main(["report", str(run), "--protocol-facts", "--format", "markdown"]) == 0
    _, facts = capsys.readouterr().out.split("Protocol of ")
    path.write_text(json.dumps(results))
    assert "\x1b" not in facts
    shown = MarkdownIt("commonmark").render(facts)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; **bold** [l](http://x) �[31m: 1" in shown
    assert not re.search("<(script|strong|a)", shown)


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
def test_every_protocol_is_described(protocol: object) -> None:
    described = describe_protocol(protocol)
    assert all(described.values())
    assert described["protocol"].startswith(f"{protocol.name}: ")
