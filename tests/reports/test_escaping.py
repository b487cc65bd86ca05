"""Names, sentences and other foreign texts are shown in every format and act in none."""

import csv
import io
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from rich.table import Table

from mevis_bench.cli import console
from mevis_bench.cli.app import main
from mevis_bench.reports import escaping, render
from mevis_bench.reports.gate import GateEntry, RegressionStatus
from mevis_bench.reports.gate_files import to_json, to_junit, to_markdown
from mevis_bench.reports.gate_files import to_terminal as gate_to_terminal
from mevis_bench.reports.history_page import write_history_page
from mevis_bench.reports.table import build_table
from mevis_bench.schemas.history import HistoryEntry, Point
from mevis_bench.schemas.scores import Results
from tests.fixtures.scored_runs import RESULTS, scored_run

HOSTILE = [
    "[/bold]",
    "[bold red]x[/]",
    "[link=https://evil.example]x[/link]",
    ":skull:",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\rb",
    "a\nb",
    "a\tb",
    "\x00",
    "\x08\x08\x08",
    "\u202eabc",
    "\u2028new",
    "\ud800",
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    '=HYPERLINK("http://evil")',
    "\\input{/etc/passwd}",
    "$x$ & 50% of #1 ~ a^b_c {d}",
    "% comment",
    "a | b | c",
    "[x](javascript:alert(1))",
    "![x](http://evil/x.png)",
    "`code`",
    "**bold** _it_ __x__ ~~no~~ *a*",
    "https://evil.example/?a=1&b=2",
    "www.evil.example",
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp;",
    "# head",
    "- item",
    "> quote",
    "===",
    "]]><!--",
    "Vögel 鸟 café",
]
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
STYLES = re.compile(r"\x1b\[[0-9;]*m")


def hostile(text: str) -> Results:
    method = {"name": text, "variant": text, "provenance": "official", "bridge": text, "perturb": text}
    return replace(RESULTS, method=method, split=text, protocol=text, choices={text: text})


def printed(renderable: object, *, terminal: bool) -> str:
    """Return what a terminal gets, without the styles that the console itself adds."""
    file = io.StringIO()
    screen = console.PlainConsole(file=file, force_terminal=terminal, width=2000, markup=False, emoji=False)
    screen.print(renderable)
    return STYLES.sub("", file.getvalue()) if terminal else file.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_terminal_shows_the_text_and_obeys_nothing(text: str) -> None:
    shown = [word for word in CONTROL.sub("\n", text).split() if word == text]
    table = Table("a", title=text)
    table.add_row(text)
    pieces: list[object] = [text, table, render.to_terminal(build_table("rvos", [hostile(text)]))]
    pieces += [render.all_tasks_to_terminal([hostile(text)])]
    pieces += [gate_to_terminal([GateEntry(text, text, None, 0.5, RegressionStatus.REGRESSED, text)])]
    for piece in pieces:
        for terminal in (False, True):
            output = printed(piece, terminal=terminal)
            assert not CONTROL.search(output)
            assert all(word in output for word in shown)


@pytest.mark.parametrize("text", HOSTILE)
def test_latex_shows_the_text(text: str) -> None:
    line = escaping.latex_text(text)
    back = line
    for command, sign in (
        (r"\textbackslash{}", "\x00"),
        (r"\textasciitilde{}", "~"),
        (r"\textasciicircum{}", "^"),
    ):
        back = back.replace(command, sign)
    assert not re.search(r"(?<!\\)[&%$#_{}]", back)
    assert re.sub(r"\\([&%$#_{}])", r"\1", back).replace("\x00", "\\") == escaping.one_line(text)
    written = render.to_latex(build_table("rvos", [hostile(text)]))
    assert not CONTROL.search(written)
    assert len(written.splitlines()) == 9


@pytest.mark.parametrize("text", HOSTILE)
def test_a_spreadsheet_finds_no_formula(text: str) -> None:
    written = render.to_csv([build_table("rvos", [hostile(text)])])
    assert not CONTROL.search(written)
    _, row = list(csv.reader(io.StringIO(written)))
    for cell in row[:4]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert escaping.one_line(text) in row[1]


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_shows_the_text(text: str) -> None:
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    entry = GateEntry(text, text, None, 0.5, RegressionStatus.REGRESSED, text)
    for written in (render.to_markdown(build_table("rvos", [hostile(text)])), to_markdown([entry])):
        assert not CONTROL.search(written)
        tags = {
            token.tag
            for block in parser.parse(written)
            for token in (block, *(block.children or ()))
            if token.tag and token.type != "html_block"
        }
        assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "p", "strong", "h2", "br"}
        assert "<strong>bold" not in parser.render(written)
    cells = MarkdownIt("commonmark").enable("table").render(f"|a|\n|---|\n|{escaping.markdown_text(text)}|\n")
    reader = Reader()
    reader.feed(cells)
    assert reader.texts[-1:] == ([escaping.one_line(text)] if text.strip() else ["a"])
    assert not re.search(r"(?<!\\):// |https?:/|(?<![\\\w])www\.", escaping.markdown_text(text))


class Reader(HTMLParser):
    """Collects tags, attributes and texts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.mark.parametrize("text", HOSTILE)
def test_html_shows_the_text(text: str, tmp_path: Path) -> None:
    point = {"all": Point(0.5, None, None), text: Point(0.4, None, None)}
    entries = [HistoryEntry(f"rvos/{text}/{text}", text, text, {"J&F": point, text: point})]
    history = write_history_page(entries, tmp_path).read_text()
    own = re.sub(r'<script src="[a-z./]+"></script>|<a href="#[a-z]+"|<a class="skip"|</a>', "", history)
    for written in (render.to_html(build_table("rvos", [hostile(text)])), own):
        assert not CONTROL.search(written.replace("\t", " "))
        reader = Reader()
        reader.feed(written)
        assert not reader.tags & {"script", "img", "a", "b"}
        assert not {name for name in reader.attributes if name.startswith("on")}


@pytest.mark.parametrize("text", HOSTILE)
def test_junit_is_xml_with_the_text(text: str) -> None:
    written = to_junit([GateEntry(text, text, None, 0.5, RegressionStatus.REGRESSED, text)])
    case = ElementTree.fromstring(written.encode()).find("testcase")
    assert case is not None
    assert case.findtext("failure", "").replace("\r", "\n") == escaping.plain(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_json_has_the_text_and_no_control_character(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"name": text})
    captured = capsys.readouterr().out
    assert json.loads(captured) == {"name": text}
    assert not CONTROL.search(captured)
    written = to_json([GateEntry(text, text, None, 0.5, RegressionStatus.REGRESSED, text)])
    assert json.loads(written)["entries"][0]["run"] == text
    assert not CONTROL.search(written)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_terminal_of_any_encoding_gets_a_replacement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    method = {"name": "鸟 é", "variant": "v", "provenance": "official"}
    run = scored_run(tmp_path / "run", results=replace(RESULTS, method=method))
    for words in (["report", str(run)], ["report", str(run), "--format", "markdown"], ["compare", str(run), "鸟"]):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2)]
        monkeypatch.setattr(sys, "stdout", streams[0])
        monkeypatch.setattr(sys, "stderr", streams[1])
        code = main(words)
        output = b"".join(stream.buffer.getvalue() for stream in streams if not stream.flush())
        assert code == (2 if words[0] == "compare" else 0)
        assert rb"\u9e1f" in output
