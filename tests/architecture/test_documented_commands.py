"""Every command of the documentation is parsed; MEVIS_BENCH_RUN_DOCS=1 also runs those in blocks, on small inputs."""

import os
import re
import runpy
import shlex
import shutil
import sys
from pathlib import Path

import pytest
import soundfile
import typer
from PIL import Image

from mevis_bench.cli.app import app, main
from mevis_bench.cli.examples import EXAMPLES
from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records.dataset import Dataset
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
    "mevis-bench push RUN OWNER/NAME --to hub": "uploads; the dry run of share-a-run.md takes the same way",
    "mevis-bench selfcheck": "starts a dozen processes; tests/runs/test_selfcheck.py does",
    "python -m benchmarks.yardsticks": "needs a run of the whole split",
    "mevis-bench train --method lmpm --data": "needs the files that LMPM's authors start from",
    "torchrun": "starts a process per GPU; tests/training trains in two processes",
    "pytest baselines/my_method": "tests/cli/test_new.py runs the test of a new method",
}
"""Commands that no test runs, by their first words, with the reason."""

SMALLER = {
    "run": ["--limit", "1", "--device", "cpu", "--workers", "1"],
    "data make-mini": ["--videos", "1"],
    "train": ["--dry-run", "--device", "cpu", "--set", "mini.videos=1", "--set", "mini.val_videos=1"],
}
"""Words added to a command so that it takes a second; they replace its own values."""

OPTIONS = {word for words in SMALLER.values() for word in words if word.startswith("--")}

RUNS = {
    "runs/a": ("rvos", "moving_region", "valid_u"),
    "runs/b": ("rvos", "moving_region", "valid_u"),
    "runs/valid": ("rvos", "moving_region", "valid"),
    "runs/captions": ("rmeg", "constant_caption", "valid_u"),
}
"""Task, method and split of the runs that commands are given."""

REPLACED = {
    "RUN": "runs/a",
    "RUN_A": "runs/a",
    "RUN_B": "runs/b",
    "RUN...": "runs/a runs/b",
    "runs/demo/*/": "runs/a runs/b",
    "SCORES": "scores",
    "DIR": "~/MeViS",
    "NAME": "my_method",
}
"""Words that stand for others, by what they are replaced."""

RUN_OF = {"submit": "runs/valid", "roundtrip": "runs/captions"}
"""``RUN`` of commands that need another one than the first, by their first word."""


def blocks(path: Path) -> list[str]:
    """Commands of the shell blocks of a document, without comments."""
    found = re.findall(r"^```(?:sh|console)\n(.*?)^```", path.read_text(), flags=re.DOTALL | re.MULTILINE)
    joined = [re.sub(r"\\\n\s*", "", block) for block in found]
    lines = [re.sub(r"\s+#.*", "", line).strip() for block in joined for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line]


def inline(path: Path) -> list[str]:
    """Commands in the text of a document."""
    return re.findall(r"`((?:mevis-bench|make|python -m|pytest) [^`\n]+)`", path.read_text())


TUTORIAL = ROOT / "docs" / "tutorial.md"
OTHERS_WITH_BLOCKS = [path for path in DOCUMENTS if blocks(path) and path != TUTORIAL]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two data sets, and the files that commands name in the folder ``work``."""
    home = tmp_path_factory.mktemp("home")
    for split in ("valid_u", "valid"):
        make_mini(split, 1, 3, home / "MeViS")
    make_fixture("refer_kitti", home / "Refer-KITTI")
    frames = home / "work" / "frames"
    frames.mkdir(parents=True)
    images = [Image.new("RGB", (64, 48), (40 * index, 90, 120)) for index in range(3)]
    for index, image in enumerate(images):
        image.save(frames / f"{index:05}.png")
    images[0].save(home / "work" / "clip.gif", save_all=True, append_images=images[1:])
    for name, folder, sample in ((MASKS, "MeViS", write_masks), (TRACKS, "Refer-KITTI", write_tracks)):
        split = open_dataset(home / folder)
        for video in split.video_ids:
            for expression in split.expressions(video):
                sample(split, video, home / "work" / name / video / expression.id)
    shutil.make_archive(str(home / "work" / MASKS), "zip", home / "work" / MASKS)
    spoken = next((ROOT / "mevis_bench" / "data" / "mini").rglob("*.ogg"))
    soundfile.write(home / "work" / "spoken.wav", *soundfile.read(spoken))
    return home


MASKS, TRACKS = "preds", "tracks"
"""Folders of predictions that commands name."""


def write_masks(split: Dataset, video: str, folder: Path) -> None:
    """Write empty masks of one sample as MeViS's PNGs."""
    folder.mkdir(parents=True)
    for name in split.frame_names(video):
        with Image.open(split.root / "JPEGImages" / video / f"{name}.jpg") as frame:
            Image.new("L", frame.size).save(folder / f"{name}.png")


def write_tracks(split: Dataset, video: str, folder: Path) -> None:
    """Write no track of one sample as Refer-KITTI's text file."""
    folder.mkdir(parents=True)
    (folder / "predict.txt").write_text("")


@pytest.fixture(scope="module")
def runs(home: Path) -> Path:
    """Add ``RUNS`` and the scores of the archive ``preds.zip``; return the home."""
    data = ["--data", str(home / "MeViS")]
    for folder, (task, method, split) in RUNS.items():
        words = ["--split", split, "--device", "cpu", "--workers", "1", "--out", str(home / "work" / folder)]
        assert main(["run", "--task", task, "--method", method, *data, *words]) == 0
    scores = ["--split", "valid_u", "--out", str(home / "work" / "scores")]
    assert main(["score", str(home / "work" / f"{MASKS}.zip"), *data, *scores]) == 0
    return home


@pytest.fixture
def work(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change into a copy of the folder ``work`` of the home."""
    monkeypatch.setenv("HOME", str(home))
    copied = shutil.copytree(home / "work", tmp_path / "work")
    monkeypatch.chdir(copied)
    return copied


@pytest.mark.slow
@pytest.mark.skipif("MEVIS_BENCH_RUN_DOCS" not in os.environ, reason="takes minutes: MEVIS_BENCH_RUN_DOCS=1 runs it")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", OTHERS_WITH_BLOCKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_a_document(path: Path, runs: Path, work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_commands(path, capsys)


def test_commands_of_the_tutorial(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_commands(TUTORIAL, capsys)
    assert (work / "submission.zip").is_file()


def run_commands(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run the commands in the blocks of a document, on small inputs; a failing one does not hide the next."""
    failed = []
    for command in blocks(path):
        if not any(command.startswith(prefix) for prefix in NOT_RUN) and run(command) != 0:
            failed.append(f"{command}\n{capsys.readouterr().err[-2000:]}")
    assert not failed, "\n".join(failed)


def run(command: str) -> int:
    """Run a documented command in this process; return its exit code."""
    words = shlex.split(command)
    replaced = {**REPLACED, "RUN": RUN_OF.get(words[1], REPLACED["RUN"])}
    words = [part for word in words for part in (replaced[word].split() if word in replaced else [word])]
    words = [str(Path(word).expanduser()) if word.startswith("~") else word for word in words]
    if words[0] == "mevis-bench":
        added = words_added(words[1:], command)
        return main([*without_options(words[1:], set(added) - {"--set", "--method-dir"}), *added])
    assert words[:2] == ["python", "-m"], f"no rule to run {command}"
    saved, sys.argv = sys.argv, words[2:]
    try:
        runpy.run_module(words[2], run_name="__main__")
    finally:
        sys.argv = saved
    return 0


def without_options(words: list[str], options: set[str]) -> list[str]:
    """Return the words without these options and their values."""
    dropped = {place + step for place, word in enumerate(words) if word in options & OPTIONS for step in (0, 1)}
    return [word for place, word in enumerate(words) if place not in dropped]


def words_added(words: list[str], command: str) -> list[str]:
    """Return words that make a command small, and a folder where it names none: lines of a block are alternatives."""
    if "runs/valid" in words or "fixtures" in command:  # a submission has every sample; fixtures are small
        return []
    added = [*next((added for name, added in SMALLER.items() if " ".join(words).startswith(name)), [])]
    if words[0] in ("run", "train") and "--out" not in words:
        added += ["--out", "runs/" + re.sub(r"\W+", "-", command)]
    return [*added, *(["--method-dir", "methods"] if "--method my_method" in command else [])]


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
