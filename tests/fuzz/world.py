"""A small instance of every kind of file that a command reads."""

import io
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from mevis_bench.cli.app import main
from mevis_bench.data.registry import find_datasets, make_fixture, open_dataset
from mevis_bench.masks.rle import rows_from_rle
from mevis_bench.records import MevisBenchError
from tests.fixtures.drawn_split import write_json, write_png_tree
from tests.fixtures.loopback_hub import COMMIT, LoopbackHub, serve, settings
from tests.fixtures.tiny_split import FAKE_CODE, FAKE_SPEC, VIDEOS, write_fake_method, write_tiny_split

DATA = ("--data", "data")
CPU = ("--device", "cpu")
READER = ("--reader", "fake", "--method-dir", "methods", *CPU)
OUT = "out"
"""Folder of everything that a command under test writes; removed before the next one."""

SETS = "sets"
"""Folder of the generated data sets, by their names."""

HUB_RUN = "someone/run"
"""Repository of a pushed run; the hub's files are in ``hub/<repository>/<path>``."""

HUB_DATA = "datasets/iSEE-Laboratory/Long-RVOS"
DESCRIPTION = "description.json"
"""Name, in the folder of a repository, of what the hub answers about it."""

SLICES = "long: frames >= 3\nsmall and single: size < 0.5 and targets == 1\nfraction: 1/3 <= moving < 2/3\n"
SUITE = "name: s\nruns:\n  - {task: rvos, method: fake, method_dir: [methods], data: data, device: cpu}\n"
CONFIG = "task: rvos\nmethod: fake\nmethod_dir: [methods]\ndata: data\ndevice: cpu\nlimit: 2\nseed: 3\n"
TRAIN_CONFIG = (
    "mini: {videos: 1, val_videos: 1, seed: 0, annotators: 1}\nloader: {workers: 0}\nsteps: 4\nlr: 0.01\nname: x\n"
)
TRACKS = "1,1,0,0,2,3,1,1,1\n2,1,0,0,2,3,1,1,1\n3,2,4,1,2.5,3,1,1,1\n"
ANSWERS = (
    '[{"video": "va", "expression": "left one", "height": 48, "width": 64, "fps": 6, "qid": 0, '
    '"prediction": "<tracks coords=\\"0 0 500 500; 1 0 400 5", '
    '"tracks": [{"frame": 0, "points": {"0": {"point": [3.5, 4]}}}]}]'
)

ANSWER = """
def answer(setup, masks):
    if setup.task == "rmot":
        count = len(masks)
        boxes = np.tile([1.0, 1.0, 3.0, 4.0], (count, 1))
        return TrackPrediction(np.arange(count), np.zeros(count, np.int64), boxes)
    if setup.task == "rmeg":
        return CaptionPrediction("the left one moves")
    return MaskPrediction(masks, target_score=0.25)
"""
TRAIN = '''\
"""Training of four numbers on two videos."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from tests.training.toy import toy_module, toy_stage


@dataclass(frozen=True)
class Options:
    steps: Annotated[int, Meta(ge=1, le=6)]
    lr: float
    name: str


OPTIONS = {"default": Options}


def train(arguments):
    for video in arguments.data.video_ids:
        arguments.data.video(video).frame(0)
        arguments.data.ground_truths(video)
    module = toy_module()
    arguments.trainer.fit(
        toy_stage(
            module, steps=arguments.options.steps, ema_decay=0.9, evaluate_every=2,
            evaluate=lambda: {"bias": float(module[0].bias[0].detach())}, best_metric="bias",
        )
    )
'''
WEIGHTS = (
    "    weights:\n      net: {file: net.safetensors, sha256: null, source: the page, license: MIT, "
    f"provenance: official, hub: {{repo: someone/network, revision: '{COMMIT}', file: net.safetensors}}}}\n"
)
READ_WEIGHTS = """
from baselines.layers.checkpoints.checkpoint_file import match_keys, read_tensors


def load(setup):
    path = setup.weights["net"]
    match_keys(read_tensors(path), torch.nn.Linear(2, 3), location=str(path))
    return Fake(setup)
"""


@contextmanager
def environment(world: Path) -> Iterator[LoopbackHub]:
    """Set up what commands take from outside: home, hub and training configurations, all in the world."""
    from huggingface_hub import constants

    with pytest.MonkeyPatch.context() as patch, serve() as hub:
        patch.chdir(world)
        patch.setenv("HOME", str(world / "home"))
        patch.setenv("HF_TOKEN", "hf_secret")
        for name, value in settings(hub, world / OUT).items():
            patch.setattr(constants, name, value)
        patch.setattr("mevis_bench.config.train_config.configs_folder", lambda: Path("configs"))
        patch.setattr("time.sleep", lambda seconds: None)  # between attempts of a download
        yield hub


def publish(hub: LoopbackHub, changed: str) -> None:
    """Have the hub serve what is in the world's folder ``hub`` now.

    Args:
        hub: The hub.
        changed: The file that was mutated; of all other repositories the hub gives the true description.
    """
    for repo in (f"datasets/{HUB_RUN}", HUB_DATA, "someone/network"):
        root = Path("hub") / repo
        files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        description = files.pop(DESCRIPTION)
        hub.descriptions[repo] = description if changed == f"{root}/{DESCRIPTION}" else b""
        hub.files[repo] = files


def build(hub: LoopbackHub) -> None:
    """Write the world into the working directory."""
    write_tiny_split(Path("data"))
    write_fake_method(Path("methods"), ANSWER)
    Path("slices.yaml").write_text(SLICES)
    Path("suite.yaml").write_text(SUITE)
    Path("config.yaml").write_text(CONFIG)
    Path("methods/fake/method.yaml").write_text(FAKE_SPEC)
    Path("answers.json").write_text(ANSWERS)
    Path("captions.json").write_text('{"va": {"0": "left one", "1": "both"}}')
    _write_predictions()
    _write_training()
    _write_weights()
    for name, entry in find_datasets().items():
        if entry.make_fixture is not None:
            make_fixture(name, Path(SETS, name))
    run = ("run", "--method-dir", "methods", *DATA, *CPU, "--task")
    for words in (
        (*run, "rvos", "--method", "fake", "--out", "rvos"),
        (*run, "rvos", "--method", "empty", "--out", "rvos_b"),
        (*run, "rvos", "--method", "fake", "--out", "half_1", "--shard", "1/2"),
        (*run, "rvos", "--method", "fake", "--out", "half_2", "--shard", "2/2"),
        (*run, "rvos", "--method", "fake", "--out", "v2", "--protocol", "mevis_v2"),
        (*run, "rmot", "--method", "fake", "--out", "rmot"),
        (*run, "rmeg", "--method", "fake", "--out", "rmeg"),
        ("roundtrip", "rmeg", *READER),
        ("accept", "rvos", "rvos_b", "--expected", "base.json"),
        ("history", "add", "rvos", "rvos_b", "--file", "history.jsonl"),
        ("submit", "pack", "rvos", "--out", "submission.zip"),
        ("data", "export", *DATA, "--format", "refer-kitti", "--frames", "copy", "--out", "foreign"),
        ("train", "--method", "fake", "--method-dir", "methods", "--data", "train_data", *CPU, "--out", "trained"),
        ("weights", "add", "weighed", "net.safetensors", "--method-dir", "methods", "--weights", "store"),
        ("push", "rvos", HUB_RUN),
    ):
        assert main(list(words)) == 0, words
    _write_hub(hub)


def _write_predictions() -> None:
    split = open_dataset(Path("data"))
    clips: dict[str, dict[str, np.ndarray]] = {}
    for video_id in split.video_ids:
        for truth in split.ground_truths(video_id):
            masks = np.zeros((truth.length, truth.height, truth.width), np.bool_)
            for one in truth.objects:
                masks |= rows_from_rle(one, truth.height, truth.width, location="world").to_dense()
            clips.setdefault(video_id, {})[truth.expression.id] = masks
            for path in (f"mot/{video_id}/{truth.expression.id}.txt", f"kitti/{truth.sample}/predict.txt"):
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_text(TRACKS)
    write_json(Path("preds.json"), clips)
    write_png_tree(Path("png"), clips)
    for image in Path("png").rglob("*.png"):  # frames of this split count by one
        image.rename(image.with_name(f"{int(image.stem) // 5:05}.png"))
    shutil.make_archive("preds", "zip", "png")


def _write_training() -> None:
    Path("configs/train").mkdir(parents=True)
    Path("configs/train/fake-default.yaml").write_text(TRAIN_CONFIG)
    Path("methods/fake/train.py").write_text(TRAIN)
    write_tiny_split(Path("train_data/train"))
    write_tiny_split(Path("train_data/valid_u"), {"vb": VIDEOS["vb"]})


def _write_weights() -> None:
    torch.manual_seed(0)
    tensors = torch.nn.Linear(2, 3).state_dict()
    save_file(tensors, "net.safetensors")
    torch.save({"model": tensors, "epoch": 3}, "net.pth")
    folder = Path("methods/weighed")
    folder.mkdir()
    (folder / "method.yaml").write_text(FAKE_SPEC.replace("fake", "weighed") + WEIGHTS)
    (folder / "method.py").write_text(FAKE_CODE + "\nimport torch\n" + READ_WEIGHTS)
    Path("store").mkdir()
    agreed = Path("home/.cache/mevis-bench/licenses.json")
    agreed.parent.mkdir(parents=True)
    agreed.write_text('{"agreed": {"someone/network": "MIT"}, "schema": 1}')


def _write_hub(hub: LoopbackHub) -> None:
    """Write what the hub serves: the run that was pushed, a data set with archives, and weights."""
    hub.files["someone/network"] = {"net.safetensors": Path("net.safetensors").read_bytes()}
    valid = Path(SETS, "long_rvos/valid")
    hub.files[HUB_DATA] = {
        "valid/meta_expressions.json": (valid / "meta_expressions.json").read_bytes(),
        **{f"valid/{name}.tar.gz": _packed(valid / name) for name in ("JPEGImages", "Annotations")},
    }
    for repo, files in hub.files.items():
        for name, content in {**files, DESCRIPTION: hub.describe(repo)}.items():
            path = Path("hub", repo, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _packed(folder: Path) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        tar.add(folder, ".")
    return file.getvalue()


def splits_of(name: str) -> tuple[str, ...]:
    """Return the splits that the generated data set has."""
    entry = find_datasets()[name]
    found = []
    for split in entry.info.splits:
        try:
            entry.open(Path(SETS, name), split)
        except MevisBenchError:
            continue
        found.append(split)
    return tuple(found)
