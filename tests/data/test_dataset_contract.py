"""Every data set that has a generated fixture: it is recognized, valid, can be run and scored, and names its errors."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import DatasetEntry, find_datasets, make_fixture, open_dataset, validate_dataset
from mevis_bench.metrics.protocols import PROTOCOLS
from mevis_bench.records import DataError, UsageError
from mevis_bench.records.dataset import Dataset
from mevis_bench.reports.consistency import results_error
from mevis_bench.store.score_files import read_results, read_scores

WITH_FIXTURE = [name for name, entry in find_datasets().items() if entry.make_fixture is not None]


@pytest.fixture(scope="module", params=WITH_FIXTURE)
def entry(request: pytest.FixtureRequest) -> DatasetEntry:
    return find_datasets()[request.param]


@pytest.fixture(scope="module")
def root(entry: DatasetEntry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixtures") / entry.info.name
    make_fixture(entry.info.name, folder)
    return folder


@pytest.fixture(scope="module")
def split(entry: DatasetEntry, root: Path) -> Dataset:
    return open_dataset(root, None, entry.info.name)


def test_facts_are_complete(entry: DatasetEntry) -> None:
    info = entry.info
    assert all((info.about, info.source, info.layout, info.license))
    assert info.default_split in info.splits
    assert set(info.counts) <= set(info.splits)
    assert info.protocol in PROTOCOLS


def test_the_fixture_is_recognized_and_valid(entry: DatasetEntry, root: Path, split: Dataset) -> None:
    assert split.split == entry.info.default_split
    assert open_dataset(root, entry.info.default_split).info.name == entry.info.name
    report = validate_dataset(root, None, entry.info.name)
    assert [str(error) for error in report.errors] == []
    assert report.has_ground_truth
    assert report.videos == len(split.video_ids) > 0
    assert report.expressions == sum(len(split.expressions(video_id)) for video_id in split.video_ids) > 0


def test_frames_and_ground_truth_fit_each_other(split: Dataset) -> None:
    for video_id in split.video_ids:
        video = split.video(video_id)
        assert video.frame_names == split.frame_names(video_id)
        assert video.frame(len(video) - 1).shape == (video.height, video.width, 3)
        truths = split.ground_truths(video_id)
        assert [truth.expression for truth in truths] == list(split.expressions(video_id))
        for truth in truths:
            assert truth == split.ground_truth(video_id, truth.expression.id)
            assert (truth.height, truth.width, truth.length) == (video.height, video.width, len(video))
            assert len(truth.objects) == len(truth.expression.annotation_ids or ())
            for mask in (mask for track in truth.objects for mask in track if mask is not None):
                assert mask.decode().shape == (video.height, video.width)
    pixels = [
        mask.decode().sum()
        for video_id in split.video_ids
        for truth in split.ground_truths(video_id)
        for track in truth.objects
        for mask in track
        if mask is not None
    ]
    assert np.sum(pixels) > 0


def test_an_opened_split_can_be_sent_to_another_process(split: Dataset) -> None:
    assert pickle.loads(pickle.dumps(split)).fingerprint == split.fingerprint


def test_unknown_names_are_errors(split: Dataset) -> None:
    video_id = split.video_ids[0]
    for use in (split.video, split.frame_names, split.expressions, split.ground_truths):
        with pytest.raises(UsageError, match="unknown video 'nowhere'"):
            use("nowhere")
    with pytest.raises(UsageError, match=f"video '{video_id}' has no expression 'none'"):
        split.ground_truth(video_id, "none")


def test_a_missing_split_names_those_that_are_there(entry: DatasetEntry, root: Path) -> None:
    with pytest.raises(UsageError) as caught:
        entry.open(root, "nowhere")
    assert "nowhere" in str(caught.value)
    assert entry.info.default_split in str(caught.value)


def test_it_runs_and_is_scored_by_its_own_protocol(entry: DatasetEntry, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = ["run", "--task", entry.info.tasks[0], "--method", "moving_region", "--data-set", entry.info.name]
    command += ["--data", str(root)]
    assert main([*command, "--out", str(out)]) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["dataset"]["name"] == entry.info.name
    assert results["dataset"]["version"].startswith(entry.info.version)
    assert results["protocol"] == entry.info.protocol
    assert results["counts"]["scored"] == results["counts"]["expected"] > 0
    assert results_error(read_results(out), read_scores(out)) is None
    assert main(["score", str(out)]) == 0
    if entry.info.tasks[0] == "rvos":
        assert main(["gallery", str(out)]) == 0


def test_another_data_set_named_for_its_folder_says_what_it_is(entry: DatasetEntry, root: Path, tmp_path: Path) -> None:
    other = "refer_youtube_vos" if entry.info.name != "refer_youtube_vos" else "ref_davis17"
    with pytest.raises((UsageError, DataError)) as caught:
        open_dataset(root, None, other)
    assert f"this looks like {entry.info.title}" in str(caught.value)
    assert f"Use --data-set {entry.info.name}." in str(caught.value)


def test_the_commands_describe_and_make_it(
    entry: DatasetEntry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "info", entry.info.name]) == 0
    assert "DIR/" in capsys.readouterr().out
    folder = tmp_path / "made"
    assert main(["data", "make-fixture", entry.info.name, "--out", str(folder)]) == 0
    assert "mevis-bench run" in capsys.readouterr().out
    assert main(["data", "make-fixture", entry.info.name, "--out", str(folder)]) == 2
    assert "the folder is not empty" in capsys.readouterr().err
    assert main(["data", "verify", str(folder), "--data-set", entry.info.name]) == 0


def test_a_data_set_without_a_generator_says_which_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "make-fixture", "mevis_v2", "--out", "nowhere"]) == 2
    assert "These have:" in capsys.readouterr().err
