"""Every command of the documentation is parsed; MEVIS_BENCH_RUN_DOCS=1 also runs those in blocks, on small inputs."""

import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
import soundfile
import typer
from PIL import Image

from mevis_bench.cli.app import app, main
from mevis_bench.cli.examples import EXAMPLES
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from tests.fixtures.commands import leaves
from tests.fixtures.tracked_files import tracked_files
from tests.paths import ROOT

DOCUMENTS = [
    path
    for path in tracked_files(".md")
    if path.relative_to(ROOT).parts[0] in ("README.md", "CONTRIBUTING.md", "docs", "baselines")
]

NOT_RUN = {
    "make demo": "minutes; the nightly suite runs the same commands",
    "make test": "runs this test",
    "mevis-bench run --task avos --method lmpmpp --bridge speech_to_text": "downloads the weights of Whisper",
    "mevis-bench weights get": "downloads",
    "mevis-bench data get": "downloads",
    "mevis-bench data verify ~/long_rvos": "needs what is downloaded",
    "mevis-bench try clip.mp4": "needs the extra 'video'; clip.gif takes the same way",
    "mevis-bench selfcheck": "starts a dozen processes; tests/runs/test_selfcheck.py does",
    "python -m benchmarks.yardsticks": "needs a run of the whole split",
    "pytest baselines/my_method": "tests/cli/test_new.py runs the test of a new method",
}
"""Commands that no test runs, by their first words, with the reason."""

SMALLER = {
    "run": ["--limit", "1", "--device", "cpu", "--workers", "1"],
    "data make-mini": ["--videos", "1"],
}
"""Words added to a command so that it takes a second; the last value of an option counts."""

REPLACED = {"RUN_A": "runs/a", "RUN_B": "runs/b", "RUN": "runs/a", "NAME": "my_method"}


def blocks(path: Path) -> list[str]:
    """Commands of the shell blocks of a document, without comments."""
    found = re.findall(r"^```(?:sh|console)\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    joined = [re.sub(r"\\\n\s*", "", block) for block in found]
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in joined for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line]


def inline(path: Path) -> list[str]:
    """Commands in the text of a document."""
    return re.findall(r"`((?:mevis-bench|make|python -m|pytest) [^`\n]+)`", path.read_text())


WITH_BLOCKS = [path for path in DOCUMENTS if blocks(path)]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with MeViS and a folder with the files that the commands name."""
    home = tmp_path_factory.mktemp("home")
    for split in ("valid_u", "valid"):
        make_mini(split, 1, 3, home / "MeViS")
    frames = home / "work" / "frames"
    frames.mkdir(parents=True)
    images = [Image.new("RGB", (64, 48), (40 * index, 90, 120)) for index in range(3)]
    for index, image in enumerate(images):
        image.save(frames / f"{index:05}.png")
    images[0].save(home / "work" / "clip.gif", save_all=True, append_images=images[1:])
    split = open_dataset(home / "MeViS", "valid_u")
    for video in split.video_ids:
        for expression in split.expressions(video):
            folder = home / "work" / "preds" / video / expression.id
            folder.mkdir(parents=True)
            for name in split.frame_names(video):
                with Image.open(home / "MeViS" / "valid_u" / "JPEGImages" / video / f"{name}.jpg") as frame:
                    Image.new("L", frame.size).save(folder / f"{name}.png")
    spoken = next((ROOT / "mevis_bench" / "data" / "mini").rglob("*.ogg"))
    soundfile.write(home / "work" / "spoken.wav", *soundfile.read(spoken))
    return home


@pytest.mark.slow
@pytest.mark.skipif("MEVIS_BENCH_RUN_DOCS" not in os.environ, reason="takes minutes: MEVIS_BENCH_RUN_DOCS=1 runs it")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", WITH_BLOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_a_document(
    path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(prepared))
    monkeypatch.chdir(prepared / "work")
    run_commands(path, prepared, capsys)


def test_commands_of_the_tutorial(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(prepared))
    monkeypatch.chdir(prepared / "work")
    run_commands(ROOT / "docs" / "tutorial.md", prepared, capsys)
    assert (prepared / "work" / "submission.zip").is_file()


def run_commands(path: Path, prepared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands in the blocks of a document, on small inputs."""
    if any(word in REPLACED for command in blocks(path) for word in command.split()):
        for name, split in (("a", "valid_u"), ("b", "valid_u"), ("valid", "valid")):
            words = ["--data", str(prepared / "MeViS"), "--split", split, "--out", f"runs/{name}"]
            assert main(["run", "--task", "rvos", "--method", "moving_region", *words]) == 0
    for command in blocks(path):
        if not any(command.startswith(prefix) for prefix in NOT_RUN):
            assert run(command) == 0, f"{command}\n{capsys.readouterr().err}"


def run(command: str) -> int:
    """Run a documented command in this process; return its exit code."""
    replaced = {**REPLACED, "RUN": "runs/valid"} if command.startswith("mevis-bench submit") else REPLACED
    words = [replaced.get(word, word) for word in shlex.split(command)]
    words = [str(Path(word).expanduser()) if word.startswith("~") else word for word in words]
    if words[0] == "mevis-bench":
        added = next((added for name, added in SMALLER.items() if " ".join(words[1:]).startswith(name)), [])
        if "runs/valid" in words:  # a submission has every sample
            added = []
        return main([*words[1:], *added, *(["--method-dir", "methods"] if "--method my_method" in command else [])])
    assert words[:2] == ["python", "-m"], f"no rule to run {command}"
    saved, sys.argv = sys.argv, words[2:]
    try:
        runpy.run_module(words[2], run_name="__main__")
    finally:
        sys.argv = saved
    return 0


def test_commands_in_texts_exist() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    wrong = []
    for path in DOCUMENTS:
        for command in (*blocks(path), *inline(path)):
            problem = problem_of(command, targets)
            if problem:
                wrong.append(f"{path.relative_to(ROOT)}: {command}: {problem}")
    assert not wrong


def problem_of(command: str, targets: set[str]) -> str | None:
    """Return the mistake in a command's words or ``None``; placeholders and `...` stand for any value."""
    words = [word for word in shlex.split(command) if word != "..."]
    if words[0] == "make":
        return None if words[1] in targets else f"no target {words[1]}"
    if words[:2] == ["python", "-m"] and words[2].split(".")[0] not in ("benchmarks", "scripts", "mevis_bench"):
        return None
    if words[:2] == ["python", "-m"]:
        return (
            None if (ROOT / (words[2].replace(".", "/") + ".py")).exists() or words[2] == "mevis_bench" else "no module"
        )
    if words[0] == "pytest":
        missing = [word for word in words[1:] if "my_" not in word and not (ROOT / word.split("::")[0]).exists()]
        return f"no {missing[0]}" if missing else None
    return parse_problem(words[1:])


def test_every_command_has_examples_that_parse() -> None:
    assert sorted(EXAMPLES) == sorted(leaves(typer.main.get_command(app)))
    examples = [(name, example) for name, listed in EXAMPLES.items() for example in listed]
    assert [example for name, example in examples if not f"{example} ".startswith(f"{name} ")] == []
    assert [example for _, example in examples if parse_problem(shlex.split(example)) is not None] == []


def test_examples_are_shown_below_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "export", "--help"]) == 0
    assert f"mevis-bench {EXAMPLES['data export'][0]}" in " ".join(capsys.readouterr().out.split())


def parse_problem(words: list[str]) -> str | None:
    """Parse the words of a mevis-bench command as typer does; values are not checked."""
    command = typer.main.get_command(app)
    context = None
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return f"no command {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    context = command.context_class(command, info_name="mevis-bench", resilient_parsing=True)
    try:
        command.make_parser(context).parse_args(list(words))
    except Exception as error:  # every usage error of the library
        return str(error) if "requires an argument" not in str(error) else None
    return None
