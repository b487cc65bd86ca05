"""A small instance of every kind of file, and the commands that read it."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.masks.rle import rows_from_rle
from tests.fixtures.drawn_split import write_json, write_png_tree
from tests.fixtures.tiny_split import FAKE_SPEC, write_fake_method, write_tiny_split

DATA = ("--data", "data")
CPU = ("--device", "cpu")
OUT = "out"
"""Folder of everything that a command under test writes; removed before the next one."""

SLICES = "long: frames >= 3\nsmall and single: size < 0.5 and targets == 1\nfraction: 1/3 <= moving < 2/3\n"
SUITE = "name: s\nruns:\n  - {task: rvos, method: fake, method_dir: [methods], data: data, device: cpu}\n"
CONFIG = "task: rvos\nmethod: fake\nmethod_dir: [methods]\ndata: data\ndevice: cpu\nlimit: 2\nseed: 3\n"
TRACKS = "1,1,0,0,2,3,1,1,1\n2,1,0,0,2,3,1,1,1\n3,2,4,1,2.5,3,1,1,1\n"


@dataclass(frozen=True, slots=True)
class Target:
    """A file that is mutated.

    Attributes:
        path: The file, relative to the world.
        commands: The commands that read it.
        weight: How often it is chosen.
    """

    path: str
    commands: tuple[Sequence[str], ...]
    weight: int = 2


ANSWERS = (
    '[{"video": "va", "expression": "left one", "height": 48, "width": 64, "fps": 6, "qid": 0, '
    '"prediction": "<tracks coords=\\"0 0 500 500; 1 0 400 5", '
    '"tracks": [{"frame": 0, "points": {"0": {"point": [3.5, 4]}}}]}]'
)


def build(root: Path) -> None:
    """Write the world into the working directory ``root``."""
    write_tiny_split(root / "data")
    write_fake_method(root / "methods")
    (root / "slices.yaml").write_text(SLICES)
    (root / "suite.yaml").write_text(SUITE)
    (root / "config.yaml").write_text(CONFIG)
    (root / "methods" / "fake" / "method.yaml").write_text(FAKE_SPEC)
    split = open_dataset(root / "data")
    clips: dict[str, dict[str, np.ndarray]] = {}
    for video_id in split.video_ids:
        for truth in split.ground_truths(video_id):
            masks = np.zeros((truth.length, truth.height, truth.width), np.bool_)
            for one in truth.objects:
                masks |= rows_from_rle(one, truth.height, truth.width, location="world").to_dense()
            clips.setdefault(video_id, {})[truth.expression.id] = masks
            for path in (f"mot/{video_id}/{truth.expression.id}.txt", f"kitti/{truth.sample}/predict.txt"):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(TRACKS)
    write_json(root / "preds.json", clips)
    write_png_tree(root / "png", clips)
    for path in (root / "png").rglob("*.png"):  # frames of this split count by one
        path.rename(path.with_name(f"{int(path.stem) // 5:05}.png"))
    shutil.make_archive(str(root / "preds"), "zip", root / "png")
    (root / "answers.json").write_text(ANSWERS)
    (root / "captions.json").write_text('{"va": {"0": "left one", "1": "both"}}')
    run = ("run", "--task", "rvos", "--method-dir", "methods", *DATA, *CPU)
    for words in (
        (*run, "--method", "fake", "--out", "rvos"),
        (*run, "--method", "empty", "--out", "rvos_b"),
        ("accept", "rvos", "rvos_b", "--expected", "base.json"),
        ("history", "add", "rvos", "rvos_b", "--file", "history.jsonl"),
        ("submit", "pack", "rvos", "--out", "submission.zip"),
        ("data", "export", *DATA, "--format", "refer-kitti", "--frames", "copy", "--out", "foreign"),
    ):
        assert main(list(words)) == 0, words


SCORE = (*DATA, "--workers", "1", "--json", "--out", OUT)
RESUME = ("run", "--task", "rvos", "--method", "fake", "--method-dir", "methods", *DATA, *CPU)
NEW_RUN = (*RESUME, "--out", OUT, "--limit", "3")

IMPORT = ("data", "import", "foreign", "--out", OUT)

TARGETS: tuple[Target, ...] = (
    Target(
        "data/meta_expressions.json",
        (
            ("data", "verify", "data"),
            ("score", "preds.json", *SCORE),
            NEW_RUN,
            ("data", "export", *DATA, "--frames", "copy", "--out", OUT),
            ("score", "rvos", "--out", OUT),
        ),
        6,
    ),
    Target(
        "data/mask_dict.json", (("data", "verify", "data"), ("score", "preds.json", *SCORE), ("gallery", "rvos")), 4
    ),
    Target("data/JPEGImages/va/00000.jpg", (("data", "verify", "data"), NEW_RUN, ("gallery", "rvos", "--out", OUT))),
    Target(
        "data/JPEGImages/va/00001.jpg",
        (("data", "verify", "data"), NEW_RUN, ("picture", "rvos", "--sample", "va/0", "--out", f"{OUT}/p.png")),
    ),
    Target(
        "rvos/manifest.json",
        (
            ("score", "rvos", "--out", OUT),
            ("status", "rvos"),
            ("status", "rvos", "--json"),
            ("history", "add", "rvos", "--file", f"{OUT}/h.jsonl"),
            ("report", "rvos"),
            (*RESUME, "--out", "rvos"),
            ("gate", "rvos", "rvos_b", "--expected", "base.json"),
            ("submit", "pack", "rvos", "--out", f"{OUT}/s.zip"),
            ("cost", "rvos"),
            ("pairs", "rvos"),
        ),
        6,
    ),
    Target(
        "rvos/results.json",
        (
            ("report", "rvos", "rvos_b", "--vs", "paper"),
            ("report", "rvos", "rvos_b", "--leaderboard"),
            ("report", "rvos", "--format", "latex"),
            ("report", "rvos", "--format", "markdown"),
            ("report", "rvos", "rvos_b", "--format", "html"),
            ("report", "rvos", "--format", "csv"),
            ("compare", "rvos", "rvos_b"),
            ("gate", "rvos", "rvos_b", "--expected", "base.json", "--out", OUT),
            ("gallery", "rvos", "--out", OUT),
            ("history", "add", "rvos", "--file", f"{OUT}/h.jsonl"),
            ("accept", "rvos", "--expected", f"{OUT}/base.json"),
            (*RESUME, "--out", "rvos"),
        ),
        8,
    ),
    Target(
        "rvos/scores.jsonl",
        (
            ("compare", "rvos", "rvos_b", "--json"),
            ("compare", "rvos", "rvos_b", "--metric", "J"),
            ("gate", "rvos", "rvos_b", "--expected", "base.json"),
            ("gallery", "rvos", "--compare-to", "rvos_b", "--out", OUT),
            ("failures", "rvos"),
            ("picture", "rvos", "--sample", "va/0", "--out", f"{OUT}/p.png"),
            ("history", "add", "rvos", "--file", f"{OUT}/h.jsonl"),
        ),
        6,
    ),
    Target("rvos/samples.jsonl", (("status", "rvos"), (*RESUME, "--out", "rvos"), ("cost", "rvos")), 3),
    Target(
        "rvos/predictions/va.jsonl",
        (
            ("score", "rvos", "--out", OUT),
            ("gallery", "rvos", "--out", OUT),
            ("failures", "rvos", "--json"),
            ("submit", "pack", "rvos", "--out", f"{OUT}/s.zip"),
            (*RESUME, "--out", "rvos"),
        ),
        6,
    ),
    Target(
        "history.jsonl",
        (("history", "page", "--out", OUT), ("history", "add", "rvos")),
        4,
    ),
    Target(
        "base.json",
        (("gate", "rvos", "rvos_b", "--expected", "base.json"), ("accept", "rvos", "--expected", "base.json")),
        4,
    ),
    Target("slices.yaml", (("score", "preds.json", *SCORE, "--slices", "slices.yaml"),), 6),
    Target("suite.yaml", (("suite", "suite.yaml", "--out", OUT),), 3),
    Target("config.yaml", (("run", "config.yaml", "--dry-run", "--out", OUT), ("run", "config.yaml", "--out", OUT)), 6),
    Target(
        "methods/fake/method.yaml",
        (
            ("list", "methods", "--method-dir", "methods"),
            ("show", "method", "fake", "--method-dir", "methods"),
            (*RESUME, "--dry-run", "--out", OUT),
        ),
        5,
    ),
    Target("preds.json", (("score", "preds.json", *SCORE), ("pairs", "preds.json", *DATA)), 6),
    Target("answers.json", (("points", "answers.json", *DATA, "--json"),), 2),
    Target("captions.json", (("score", "captions.json", *SCORE, "--missing", "zero"),), 1),
    Target("mot/va/0.txt", (("score", "mot", *SCORE, "--task", "rmot"),), 4),
    Target("kitti/va/0/predict.txt", (("score", "kitti", *SCORE, "--task", "rmot"),), 3),
    Target("png/va/0/00000.png", (("score", "png", *SCORE), ("score", "png", *SCORE, "--threshold", "7")), 5),
    Target("preds.zip", (("score", "preds.zip", *SCORE), ("submit", "check", "preds.zip", *DATA)), 3),
    Target("submission.zip", (("submit", "check", "submission.zip", *DATA),), 2),
    Target("foreign/expression/va/both--1.json", (IMPORT,), 3),
    Target("foreign/KITTI/labels_with_ids/image_02/va/000001.txt", (IMPORT,), 2),
)
