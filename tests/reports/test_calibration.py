"""The no-target threshold: the best of all, measured without trust in the choice, on a run from the command line."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini
from mevis_bench.records import MaskPrediction, NothingMeasuredError
from mevis_bench.reports.calibration import CalibrationSample, calibrate
from mevis_bench.store.run_folder import RunFolder
from tests.fixtures.drawn_split import write_predictions
from tests.fixtures.manifests import manifest


def make(count: int, videos: int, seed: int = 0) -> list[CalibrationSample]:
    numbers = random.Random(seed)
    samples = []
    for index in range(count):
        has_target = numbers.random() < 0.7
        score = min(1.0, max(0.0, numbers.gauss(0.6 if has_target else 0.4, 0.15)))
        empty = numbers.random() < 0.1
        value = float(not has_target) if empty else (numbers.random() if has_target else 0.0)
        samples.append(CalibrationSample(f"v{index % videos}", has_target, round(score, 2), empty, value))
    return samples


def slow(samples: list[CalibrationSample], threshold: float, objective: str) -> float:
    right, regions = {True: [], False: []}, []
    for sample in samples:
        below = sample.target_score < threshold
        empty = below or sample.is_empty
        right[sample.has_target].append(empty != sample.has_target)
        regions.append((0.0 if sample.has_target else 1.0) if below else sample.jf)
    n_acc, t_acc = (sum(right[kind]) / len(right[kind]) for kind in (False, True))
    final = (sum(regions) / len(regions) + n_acc + t_acc) / 3
    return final if objective == "final" else (n_acc + t_acc) / 2


@pytest.mark.parametrize("objective", ["balanced", "final"])
def test_no_threshold_is_better_than_the_chosen_one(objective) -> None:
    samples = make(60, 7)
    result = calibrate(samples, objective)
    assert result.samples == 60
    values = {threshold / 1000: slow(samples, threshold / 1000, objective) for threshold in range(1001)}
    assert result.chosen.objective == pytest.approx(max(values.values()))
    assert result.chosen.objective == pytest.approx(slow(samples, result.chosen.threshold, objective))
    assert result.before.objective == pytest.approx(values[0.0])
    assert result.before.threshold == 0.0


def test_the_estimate_is_measured_on_other_videos() -> None:
    samples = make(200, 10)
    result = calibrate(samples, "balanced")
    kept = []
    for fold in range(5):
        own = {f"v{index}" for index in range(10) if sorted(f"v{i}" for i in range(10)).index(f"v{index}") % 5 == fold}
        threshold = calibrate([sample for sample in samples if sample.video not in own], "balanced").chosen.threshold
        kept += [(sample, threshold) for sample in samples if sample.video in own]
    shares = {}
    for kind in (True, False):
        chosen = [(s.is_empty or s.target_score < t) != kind for s, t in kept if s.has_target == kind]
        shares[kind] = sum(chosen) / len(chosen)
    assert result.cross_validated == pytest.approx((shares[True] + shares[False]) / 2)
    assert result.cross_validated <= result.chosen.objective
    assert calibrate(make(60, 4), "balanced").cross_validated is None


def test_a_perfect_score_gives_the_middle_between_the_two_kinds() -> None:
    samples = [CalibrationSample(f"v{index}", index > 1, 0.8 if index > 1 else 0.2, False, 1.0) for index in range(4)]
    assert calibrate(samples, "balanced").chosen.threshold == pytest.approx(0.5)
    alike = [CalibrationSample("v", index > 1, 0.5, False, 1.0) for index in range(4)]
    assert calibrate(alike, "balanced").chosen.threshold == 0.0


def test_both_kinds_of_samples_are_needed() -> None:
    with pytest.raises(NothingMeasuredError, match="samples with a target and samples without one"):
        calibrate([sample for sample in make(20, 5) if sample.has_target], "balanced")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrate")
    split = open_dataset(make_mini("tiny", 1, 3, folder / "data"), "tiny")
    (video_id,) = split.video_ids
    predictions = {
        truth.expression.id: MaskPrediction(
            np.ones((truth.length, truth.height, truth.width), bool), target_score=0.75 if truth.objects else 0.25
        )
        for truth in split.ground_truths(video_id)
    }
    write_predictions(folder / "run", video_id, predictions)
    samples = tuple(f"{video_id}/{name}" for name in predictions)
    RunFolder(folder / "run").write_manifest(
        manifest(samples=samples, data=folder / "data" / "tiny", split="tiny", fingerprint=split.fingerprint)
    )
    assert main(["score", str(folder / "run")]) == 0
    return folder / "run"


def test_the_command_names_the_threshold(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", str(run)]) == 0
    shown = capsys.readouterr().out
    assert "--set method.target_threshold=0.5" in shown
    assert "100.0" in shown
    assert main(["calibrate", str(run), "--objective", "final", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["chosen"]["threshold"] == 0.5
    assert document["chosen"]["n_acc"] == document["chosen"]["t_acc"] == 1.0
    assert document["before"]["n_acc"] == 0.0
    assert document["split"] == "tiny"


def test_predictions_without_a_target_score_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "run"))
    (path,) = (copy / "predictions").iterdir()
    path.write_text(path.read_text().replace('"target_score": 0.75', '"target_score": null').replace(
        '"target_score":0.75', '"target_score":null'))  # fmt: skip
    assert main(["calibrate", str(copy)]) == 2
    assert "the prediction has no target score" in capsys.readouterr().err
