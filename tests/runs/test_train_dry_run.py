"""``train --dry-run`` of every shipped configuration, on two clips, with small networks and batches."""

import math

import pytest

from baselines.lmpmpp.mini.checkpoint import load_mini
from baselines.lmpmpp.mini.common_start import SHIPPED
from baselines.lmpmpp.mini.model import MiniLMPMpp
from mevis_bench.config.paths import configs_folder
from mevis_bench.config.train_config import read_train_config
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.methods.method_options import resolve_options, typed_options
from mevis_bench.methods.registry import find_methods
from mevis_bench.methods.submodules import import_submodule
from mevis_bench.records import TrainingArguments
from mevis_bench.training.dry_run import DryRunTrainer
from mevis_bench.training.processes import Processes
from tests.baselines.overfit import write_two_clips
from tests.fixtures.training_arguments import ignore

TRACKERS = ("batch_size=1", "scales=[32]", "max_size=64", "crop_scales=[48]", "crop_sides=[32,40]")
TRAJECTORIES = (
    "batch_size=1", "min_size_train=[32]", "max_size_train=64", "crop_scales=[48]", "crop_size=[32,40]",
    "losses.train_num_points=32",
)  # fmt: skip
QUERIES = ("batch_size=1", "num_frames=3", "scales=[32]", "max_size=64", "crop_resize=[48]", "crop_size=[32,40]")
SMALL = {
    "cen": ("batch_size=2",),
    "dshmp": TRAJECTORIES,
    "dshmp-mini": ("batch_size=1", "losses.train_num_points=32"),
    "git": ("batch_size=2",),
    "lbdt": ("batch_size=2",),
    "lmpm": TRAJECTORIES,
    "lmpm-mini": ("batch_size=1", "losses.train_num_points=32"),
    "lmpmpp-mini": (
        "extractor.frames=4",
        "detection.frames=4",
        "alignment.videos=2",
        "language.videos=2",
        "language.shuffled_videos=1",
        "speech.utterances=2",
    ),
    "lmpmpp-paper": ("samples=1", "frames=2", "short_sides=[32]"),
    "losh": ("batch_size=1", "window_size=2", "train_short_size=32", "train_max_size=64"),
    "mttr": ("batch_size=1", "window_size=2", "train_short_size=32", "train_max_size=64"),
    "mutr": QUERIES,
    "onlinerefer": QUERIES,
    "r2vos": QUERIES,
    "referformer": QUERIES,
    "sgmg": QUERIES,
    "soc": QUERIES,
    "temprmot": TRACKERS,
    "transrmot": TRACKERS,
    "urvos": ("batch_size=1", "num_frames=2"),
    "urvos-mini": ("batch_size=1",),
    "vast": ("batch_size=2",),
    "vlt": ("batch_size=1", "num_frames=2"),
    "wnet": (
        "batch_size=1", "scales=[48]", "scales_max_size=96", "crop_resize=[48]", "crop_size=[32,40]", "size=32",
        "max_size=64",
    ),
    "videollama2": ("batch_size=4",),
    "videollama2-mini": ("vision.targets=2", "captions.targets=2", "captions.sentences=1"),
}  # fmt: skip
"""Settings by configuration, or by method for all of its configurations."""

NAMES = sorted(path.stem for path in (configs_folder() / "train").glob("*.yaml"))


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return open_dataset(write_two_clips(tmp_path_factory.mktemp("data") / "train"), "train")


def trained_extractor(config, words):
    """LMPM++ mini of which the shipped extractor is kept."""
    model = MiniLMPMpp(config, words)
    shipped, _ = load_mini(SHIPPED)
    model.extractor.load_state_dict(shipped.extractor.state_dict())
    return model


@pytest.mark.parametrize("name", NAMES)
def test_a_configuration_makes_a_step_and_reports_it(name, split, tmp_path, monkeypatch):
    monkeypatch.setattr("mevis_bench.training.dry_run.STEPS", 1)
    if name == "lmpmpp-mini":  # its later stages need tracks, which an extractor finds after more than one step
        monkeypatch.setattr("baselines.lmpmpp.mini.training.train.MiniLMPMpp", trained_extractor)
        split = open_dataset(make_mini("train", 2, 7, tmp_path / "data").parent, "train")
    method, _, variant = name.partition("-")
    resolved = find_methods().resolve(method, variant)
    if variant.endswith("spacy"):
        pytest.importorskip("en_core_web_sm")
    config = read_train_config(method, variant, SMALL.get(name) or SMALL[method])
    module = import_submodule(resolved.method, "train")
    options = typed_options(resolved, resolve_options(resolved, resolved.spec.test_options))
    trainer = DryRunTrainer(Processes("cpu"), 0)
    module.train(
        TrainingArguments(
            variant, config.options(module.OPTIONS[variant]), options, split, split, tmp_path, "cpu", 0, trainer,
            ignore, lambda method, videos: {},
        )
    )  # fmt: skip
    assert trainer.reports
    for report in trainer.reports:
        assert report.seconds_per_step > 0
        assert report.samples == report.steps * report.batch_size > 0
        assert report.peak_memory > 0
        assert math.isfinite(report.losses["loss"])
        assert sum(group.parameters for group in report.groups) > 0
