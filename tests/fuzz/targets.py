"""The files that are mutated, and the commands that read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mevis_bench.data.registry import find_datasets
from tests.fixtures.loopback_hub import COMMIT
from tests.fuzz.world import CPU, DATA, DESCRIPTION, HUB_DATA, HUB_RUN, OUT, READER, SETS, splits_of


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


CHANGED = ("rvos", "rmeg", "v2", "trained", "store", "home")
"""Folders of the world that commands change in place."""

SCORE = (*DATA, "--workers", "1", "--json", "--out", OUT)
RESUME = ("run", "--task", "rvos", "--method", "fake", "--method-dir", "methods", *DATA, *CPU)
NEW_RUN = (*RESUME, "--out", OUT, "--limit", "3")
IMPORT = ("data", "import", "foreign", "--out", OUT)
MERGE = ("merge", "half_1", "half_2", "--out", OUT)
SITE = ("site", "rvos", "rvos_b", "--file", "history.jsonl", "--out", OUT)
TRAIN = ("train", "--method", "fake", "--method-dir", "methods", "--data", "train_data", *CPU)
WEIGHTS = ("--method-dir", "methods", "--weights", "store")
GET = ("weights", "get", "weighed", "--accept-license", "--method-dir", "methods", "--weights", "home")
PULL = ("pull", HUB_RUN, "--out", f"{OUT}/run")
DATA_GET = ("data", "get", "long_rvos", "--accept-license", "--revision", COMMIT, "--out", f"{OUT}/data")
ROUND_TRIP = ("roundtrip", "rmeg", *READER)
PUSH = ("push", "rvos", HUB_RUN, "--dry-run")

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
        (
            ("data", "verify", "data"),
            NEW_RUN,
            ("picture", "rvos", "--sample", "va/0", "--out", f"{OUT}/p.png"),
            ("try", "data/JPEGImages/va", "it", "--method", "empty", *CPU, "--out", OUT),
        ),
    ),
    Target(
        "rvos/manifest.json",
        (
            ("score", "rvos", "--out", OUT),
            ("status", "rvos"),
            ("status", "rvos", "--json"),
            ("watch", "rvos"),
            ("history", "add", "rvos", "--file", f"{OUT}/h.jsonl"),
            ("report", "rvos"),
            ("report", "rvos", "--protocol-facts", "--format", "html"),
            (*RESUME, "--out", "rvos"),
            ("gate", "rvos", "rvos_b", "--expected", "base.json"),
            ("submit", "pack", "rvos", "--out", f"{OUT}/s.zip"),
            ("cost", "rvos"),
            ("pairs", "rvos"),
            ("protocol", "rvos"),
            PUSH,
            SITE,
        ),
        6,
    ),
    Target("half_1/manifest.json", (MERGE,)),
    Target("half_2/predictions/vb.jsonl", (MERGE,)),
    Target(
        "rvos/results.json",
        (
            ("report", "rvos", "rvos_b", "--vs", "paper"),
            ("report", "rvos", "rvos_b", "--vs", "published"),
            ("report", "rvos", "rvos_b", "--leaderboard"),
            ("report", "rvos", "rvos_b", "--leaderboard", "--format", "html"),
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
            ("export", "rvos", "--to", "parquet"),
            PUSH,
            SITE,
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
            ("report", "rvos", "rvos_b", "--leaderboard"),
            ("export", "rvos", "--to", "parquet"),
            SITE,
        ),
        6,
    ),
    Target(
        "rvos/samples.jsonl", (("status", "rvos"), ("watch", "rvos"), (*RESUME, "--out", "rvos"), ("cost", "rvos")), 3
    ),
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
    Target("v2/predictions/va.jsonl", (("calibrate", "v2"),)),
    Target("v2/results.json", (("calibrate", "v2"), ("calibrate", "v2", "--objective", "final", "--json"))),
    Target(
        "rmot/predictions/va.jsonl",
        (
            ("score", "rmot", "--out", OUT),
            ("gallery", "rmot", "--out", OUT),
            ("failures", "rmot"),
            ("picture", "rmot", "--sample", "va/0", "--out", f"{OUT}/p.png"),
            ("data", "export", *DATA, "--frames", "copy", "--out", OUT, "--predictions", "rmot"),
        ),
        3,
    ),
    Target("rmot/scores.jsonl", (("gallery", "rmot", "--out", OUT), ("report", "rmot", "--leaderboard"))),
    Target(
        "rmeg/predictions/va.jsonl",
        (
            ROUND_TRIP,
            (*ROUND_TRIP, "--ceiling", "--json"),
            ("gallery", "rmeg", "--out", OUT),
            ("failures", "rmeg"),
            ("picture", "rmeg", "--sample", "va/0", "--out", f"{OUT}/p.png"),
            ("submit", "pack", "rmeg", "--out", f"{OUT}/s.zip"),
        ),
        4,
    ),
    Target("rmeg/manifest.json", (ROUND_TRIP, ("report", "rmeg"), ("status", "rmeg"))),
    Target("rmeg/results.json", (ROUND_TRIP, ("report", "rmeg"), ("gallery", "rmeg", "--out", OUT)), 3),
    Target(
        "rmeg/scores.jsonl",
        (ROUND_TRIP, ("gallery", "rmeg", "--out", OUT), ("failures", "rmeg"), ("report", "rmeg", "--leaderboard")),
        3,
    ),
    Target("history.jsonl", (("history", "page", "--out", OUT), ("history", "add", "rvos"), SITE), 4),
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
    Target("answers.json", (("points", "answers.json", *DATA, "--json"), ("points", "answers.json", *DATA)), 4),
    Target("captions.json", (("score", "captions.json", *SCORE, "--missing", "zero"),), 1),
    Target("mot/va/0.txt", (("score", "mot", *SCORE, "--task", "rmot"),), 4),
    Target("kitti/va/0/predict.txt", (("score", "kitti", *SCORE, "--task", "rmot"),), 3),
    Target("png/va/0/00000.png", (("score", "png", *SCORE), ("score", "png", *SCORE, "--threshold", "7")), 5),
    Target("preds.zip", (("score", "preds.zip", *SCORE), ("submit", "check", "preds.zip", *DATA)), 3),
    Target("submission.zip", (("submit", "check", "submission.zip", *DATA),), 2),
    Target("foreign/expression/va/both--1.json", (IMPORT,), 3),
    Target("foreign/KITTI/labels_with_ids/image_02/va/000001.txt", (IMPORT,), 2),
    Target("configs/train/fake-default.yaml", ((*TRAIN, "--out", OUT), (*TRAIN, "--out", OUT, "--dry-run")), 4),
    Target("train_data/train/meta_expressions.json", ((*TRAIN, "--out", OUT), (*TRAIN, "--out", "trained"))),
    Target("train_data/train/mask_dict.json", ((*TRAIN, "--out", OUT),)),
    Target("trained/training.json", ((*TRAIN, "--out", "trained"),), 3),
    Target("trained/checkpoints/toy.safetensors", ((*TRAIN, "--out", "trained"),), 4),
    Target("trained/checkpoints/toy.best.safetensors", ((*TRAIN, "--out", "trained"),)),
    Target(
        "net.safetensors",
        (
            ("weights", "add", "weighed", "net.safetensors", *WEIGHTS),
            (
                "run",
                "--task",
                "rvos",
                "--method",
                "weighed",
                "--method-dir",
                "methods",
                *DATA,
                *CPU,
                "--limit",
                "1",
                "--out",
                OUT,
                "--weights",
                "net.safetensors",
            ),
        ),
        3,
    ),
    Target("net.pth", (("weights", "add", "weighed", "net.pth", *WEIGHTS),), 4),
    Target(
        "store/weighed/net.safetensors.origin.json",
        (("weights", "verify", *WEIGHTS), ("weights", "list", *WEIGHTS), ("weights", "prune", *WEIGHTS)),
    ),
    Target("home/.cache/mevis-bench/licenses.json", (GET,)),
    Target("hub/someone/network/net.safetensors", (GET,), 1),
    Target("hub/someone/network/description.json", (GET,)),
    Target(f"hub/datasets/{HUB_RUN}/push.json", (PULL,), 4),
    Target(f"hub/datasets/{HUB_RUN}/manifest.json", (PULL,)),
    Target(f"hub/datasets/{HUB_RUN}/predictions/va.jsonl", (PULL,), 1),
    Target(f"hub/datasets/{HUB_RUN}/{DESCRIPTION}", (PULL,)),
    Target(f"hub/{HUB_DATA}/valid/JPEGImages.tar.gz", (DATA_GET,), 4),
    Target(f"hub/{HUB_DATA}/valid/meta_expressions.json", (DATA_GET,), 1),
)


def data_set_targets() -> tuple[Target, ...]:
    """Return one file of each kind of every generated data set of the world, which is the working directory."""
    targets = []
    for name, entry in find_datasets().items():
        root = Path(SETS, name)
        if entry.make_fixture is None:
            continue
        kinds: dict[tuple[object, ...], Path] = {}
        for path in sorted(root.rglob("*.*")):
            if path.suffix != ".jpg" and path.name != "GENERATED.txt":
                kinds.setdefault((*path.relative_to(root).parts[:2], path.suffix), path)
        words = ("--data-set", name, "--split")
        commands: list[Sequence[str]] = [("data", "verify", str(root))]
        for split in splits_of(name):
            run = ("run", "--task", entry.info.tasks[0], "--method", "fake", "--method-dir", "methods", *CPU)
            commands.append(("data", "verify", str(root), *words, split))
            commands.append((*run, "--data", str(root), *words, split, "--limit", "3", "--out", OUT))
        targets += [Target(str(path), tuple(commands), 1) for path in kinds.values()]
    return tuple(targets)


def round_trip_targets() -> tuple[Target, ...]:
    """Return the files of the reader's run in the world, which is the working directory."""
    (folder,) = Path("rmeg/roundtrip/fake-default").iterdir()
    commands = (ROUND_TRIP, ("gallery", "rmeg", "--out", OUT))
    names = ("manifest.json", "samples.jsonl", "scores.jsonl", "predictions/va.jsonl")
    return tuple(Target(f"{folder}/{name}", commands, 1) for name in names)
