"""Scores on disk are those of the slow references, whatever the format of the predictions."""

import json
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.data.registry import open_dataset
from mevis_bench.metrics.protocols import MEVIS_V1, MEVIS_V2, ScoringProtocol, find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import DataError, MevisBenchError, NothingMeasuredError, UsageError
from mevis_bench.runs.score import score_run
from mevis_bench.runs.scoring_pool import map_in_order
from mevis_bench.runs.slice_file import read_slices
from mevis_bench.store.run_folder import RunFolder
from mevis_bench.store.score_files import read_results, read_scores
from tests.fixtures import drawn_split
from tests.fixtures.drawn_split import FolderVideo
from tests.fixtures.manifests import manifest
from tests.paths import SHARED
from tests.references import region_boundary as reference

SHAPES = {"cat": (3, 24, 31), "dog": (5, 1, 17), "eel": (1, 33, 1), "fox": (4, 40, 64)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A split, and predictions of it as dense masks."""
    rng = np.random.default_rng(3)
    videos = {name: drawn_split.draw_video(rng, shape, 5) for name, shape in SHAPES.items()}
    root = drawn_split.write_split(tmp_path_factory.mktemp("split"), videos)
    clips = {
        name: {expression: drawn_split.noisy(rng, video.ground_truth(expression)) for expression in video.expressions}
        for name, video in videos.items()
    }
    return root, videos, clips


@pytest.mark.parametrize("protocol", ["mevis_v1", "mevis_v2"])
def test_scores_are_bit_equal_to_the_references(world, tmp_path: Path, protocol: str) -> None:
    root, videos, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    score_run(predictions, data=root, options=ScoringOptions(find_protocol(protocol)), out=tmp_path)
    samples = []
    for score in read_scores(tmp_path):
        video, expression = videos[score.video], score.sample.rsplit("/", 1)[1]
        ground_truth, prediction = video.ground_truth(expression), clips[score.video][expression]
        targets = len(video.expressions[expression])
        slow = reference.score_v1 if protocol == "mevis_v1" or targets else reference.score_v2
        j, f = slow(ground_truth, prediction)
        assert (score.values["J"], score.values["F"]) == (j, f), score.sample
        assert score.values["targets"] == targets
        samples.append((targets, j, f, not prediction.any()))
    results = read_results(tmp_path)
    assert results.counts == {"expected": 20, "scored": 20, "missing": 0}
    assert results.protocol == protocol
    expected = reference.corpus(samples)
    assert dict(results.metrics) == pytest.approx(expected, abs=1e-15)
    assert results.slices["no-target"]["count"] == 4
    assert results.slices["multi"]["J&F"] == pytest.approx(expected["J&F_m"], abs=1e-15)


def test_every_format_gives_the_same_bytes(world, tmp_path: Path) -> None:
    root, _, clips = world
    sources = {
        "json": drawn_split.write_json(tmp_path / "p.json", clips),
        "png": drawn_split.write_png_tree(tmp_path / "png", clips),
        "palette": drawn_split.write_png_tree(tmp_path / "palette", clips, "P"),
        "1-bit": drawn_split.write_png_tree(tmp_path / "bits", clips, "1"),
        "zip": drawn_split.write_zip(tmp_path / "p.zip", clips),
        "run": drawn_split.write_run(tmp_path / "run", clips),
    }
    written = {}
    for name, source in sources.items():
        out = tmp_path / "out" / name
        score_run(source, data=root, out=out)
        written[name] = [(out / file).read_bytes() for file in ("scores.jsonl", "results.json")]
    assert all(files == written["json"] for files in written.values())


def test_a_missing_prediction_is_an_error_or_counts_zero(world, tmp_path: Path) -> None:
    root, _, clips = world
    fewer = {name: dict(expressions) for name, expressions in clips.items()}
    del fewer["cat"]["0"], fewer["fox"]["1"]
    predictions = drawn_split.write_json(tmp_path / "p.json", fewer)
    with pytest.raises(DataError, match=r"p\.json, cat/0: prediction is missing"):
        score_run(predictions, data=root, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()
    scored = score_run(predictions, data=root, options=ScoringOptions(missing="zero"), out=tmp_path / "out")
    assert scored.results.counts == {"expected": 20, "scored": 18, "missing": 2}
    assert list(scored.errors) == ["cat/0", "fox/1"]
    values = {score.sample: score.values for score in scored.scores}
    assert (values["cat/0"]["J&F"], values["cat/0"]["N-acc"], values["cat/0"]["T-acc"]) == (0.0, 0.0, None)
    assert (values["fox/1"]["J&F"], values["fox/1"]["N-acc"], values["fox/1"]["T-acc"]) == (0.0, None, 0.0)
    whole = score_run(drawn_split.write_json(tmp_path / "q.json", clips), data=root, out=tmp_path / "whole")
    assert len(scored.scores) == len(whole.scores) == 20


def test_predictions_of_unknown_samples_are_refused(world, tmp_path: Path) -> None:
    root, _, clips = world
    strange = {**clips, "cow": {"0": np.zeros((1, 2, 2), bool)}}
    predictions = drawn_split.write_png_tree(tmp_path / "png", strange)
    with pytest.raises(DataError, match=r"split '.*' does not have: cow/0\nCheck --data and --split"):
        score_run(predictions, data=root, out=tmp_path)


def test_undefined_metrics_are_null_never_zero(tmp_path: Path) -> None:
    masks = np.ones((2, 4, 4), bool)
    root = drawn_split.write_split(tmp_path / "split", {"cat": FolderVideo({"1": masks}, {"0": ["1"]})})
    predictions = drawn_split.write_json(tmp_path / "p.json", {"cat": {"0": masks}})
    score_run(predictions, data=root, out=tmp_path)
    metrics = json.loads((tmp_path / "results.json").read_text())["metrics"]
    assert metrics == {
        "J&F": 1.0,
        "J": 1.0,
        "F": 1.0,
        "J&F_s": 1.0,
        "J&F_m": None,
        "N-acc": None,
        "T-acc": 1.0,
        "final": None,
    }


def test_no_target_rules(tmp_path: Path) -> None:
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 0, 0] = True
    video = FolderVideo({"1": np.ones((2, 4, 4), bool)}, {"0": [], "1": ["1"]})
    root = drawn_split.write_split(tmp_path / "split", {"cat": video})
    predictions = drawn_split.write_json(tmp_path / "p.json", {"cat": {"0": masks, "1": masks}})

    def metrics(protocol: ScoringProtocol | None = MEVIS_V2, **options: str) -> tuple[float | None, ...]:
        options = ScoringOptions(protocol, **options)
        scored = score_run(predictions, data=root, options=options, out=tmp_path / "out")
        return tuple(scored.results.metrics[name] for name in ("J", "N-acc", "T-acc"))

    assert metrics() == (1 / 64, 0.0, 1.0)
    assert metrics(no_target="pixels:2") == ((1 + 1 / 32) / 2, 1.0, 0.0)
    assert metrics(no_target="pixels:2", empty_on_target="zero") == (0.5, 1.0, 0.0)
    assert metrics(protocol=MEVIS_V1) == ((0.5 + 1 / 32) / 2, 0.0, 1.0)
    assert metrics(protocol=None) == metrics(protocol=MEVIS_V1), "the data set's own: the folder is MeViS v1's"
    with pytest.raises(UsageError, match="has no target_score"):
        metrics(no_target="flag")
    with pytest.raises(UsageError, match="--no-target: invalid value 'never': expected empty or flag or pixels:N"):
        metrics(no_target="never")


def test_only_the_chosen_samples_are_expected(world, tmp_path: Path) -> None:
    root, _, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    scored = score_run(predictions, data=root, samples=["cat/1", "fox/0"], out=tmp_path)
    assert [score.sample for score in scored.scores] == ["cat/1", "fox/0"]
    with pytest.raises(UsageError, match="has no sample 'cat/77'"):
        score_run(predictions, data=root, samples=["cat/77"], out=tmp_path)
    with pytest.raises(NothingMeasuredError, match="no samples for rvos"):
        score_run(predictions, data=root, samples=[], out=tmp_path)


def test_the_number_of_workers_changes_no_byte(world, tmp_path: Path) -> None:
    root, _, clips = world
    predictions = drawn_split.write_zip(tmp_path / "p.zip", clips)
    for workers in (1, 2, 5):
        score_run(predictions, data=root, out=tmp_path / str(workers), workers=workers)
    for name in ("scores.jsonl", "results.json"):
        one, two, five = ((tmp_path / workers / name).read_bytes() for workers in ("1", "2", "5"))
        assert one == two == five


def test_the_device_changes_no_byte(world, tmp_path: Path) -> None:
    root, _, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    for protocol in ("mevis_v1", "mevis_v2"):
        written = []
        for device in ("cpu", "cpu:0"):  # the second goes a GPU's way, on the CPU's tensors
            out = tmp_path / protocol / device[3:]
            score_run(predictions, data=root, out=out, options=ScoringOptions(find_protocol(protocol), device=device))
            written.append([(out / name).read_bytes() for name in ("scores.jsonl", "results.json")])
        assert written[0] == written[1]


def break_at(job: str) -> str:
    if job == "b.json":
        raise DataError("is broken", location=job, hint="Fix it.")
    return job


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_is_the_same_error(workers: int) -> None:
    assert list(map_in_order(break_at, ["a.json", "c.json"], workers)) == ["a.json", "c.json"]
    with pytest.raises(DataError, match=r"^b\.json: is broken\nFix it\.$"):
        list(map_in_order(break_at, ["a.json", "b.json", "c.json"], workers))


def test_slices_of_ones_own(world, tmp_path: Path) -> None:
    root, _, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    path = tmp_path / "slices.yaml"
    path.write_text("tall: frames >= 4 and not targets == 0\nbad: J < 0.5\n")
    scored = score_run(predictions, data=root, slices=read_slices(path), out=tmp_path)
    assert scored.results.slices["tall"]["count"] == 8
    bad = [score for score in scored.scores if score.values["J"] < 0.5]
    assert scored.results.slices["bad"]["count"] == len(bad) > 0
    assert all("bad" in score.groups for score in bad)
    path.write_text("a: J < 0.5\nb: sise < 1\n")
    with pytest.raises(UsageError, match=r"slices\.yaml:2: slice 'b': unknown column 'sise'\nDid you mean 'size'"):
        score_run(predictions, data=root, slices=read_slices(path), out=tmp_path)


def test_a_run_says_itself_what_it_answers(world, tmp_path: Path) -> None:
    root, _, clips = world
    run = drawn_split.write_run(tmp_path / "run", clips)
    fingerprint = open_dataset(root, "valid_u").fingerprint
    RunFolder(run).write_manifest(
        manifest(task="avos", method="m", variant="v", samples=("cat/1", "eel/2"), data=root, fingerprint=fingerprint)
    )
    results = score_run(run).results
    assert (results.task, results.counts["expected"]) == ("avos", 2)
    assert results.method == {"name": "m", "variant": "v", "provenance": "heuristic"}
    assert (run / "results.json").is_file()
    (run / "manifest.json").write_text("{}")
    with pytest.raises(DataError, match=r"manifest\.json: expected schema 3, got no schema number"):
        score_run(run)


def test_scores_that_cant_be_written_say_where_to_go(world, tmp_path: Path) -> None:
    root, _, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    with pytest.raises(UsageError, match=r"p\.json: cannot write here: .*\nGive another folder with --out"):
        score_run(predictions, data=root, out=predictions)


@pytest.mark.shared
def test_published_davis_scores(tmp_path: Path) -> None:
    data = SHARED / "data"
    scored = score_run(data / "car_shadow_osvos", data=data / "car_shadow", samples=["car-shadow/0"], out=tmp_path)
    assert scored.results.metrics["J"] == pytest.approx(0.923675, abs=5e-7)
    assert scored.results.metrics["F"] == pytest.approx(0.913107, abs=5e-7)


@pytest.mark.parametrize("name", ["single", "no-target", "all"])
def test_a_slice_named_like_a_built_in_one_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "slices.yaml"
    path.write_text(f"fine: frames > 2\n{name}: J > 2\n")
    with pytest.raises(DataError, match=rf"slices\.yaml:2: slice '{name}' is built in\nGive it another name"):
        read_slices(path)


@pytest.mark.parametrize(
    "condition",
    [
        "sise > 1",
        "J >",
        "not " * 60 + "J > 1",
        "J > 1" + "+ 1" * 60,
        f"J > {10**400}",
        "J > 1" * 300,
    ],
)
def test_slices_are_checked_before_anything_is_scored(world, tmp_path: Path, condition: str) -> None:
    root, _, clips = world
    predictions = drawn_split.write_json(tmp_path / "p.json", clips)
    (tmp_path / "slices.yaml").write_text(f"x: '{condition}'\n")
    slices = read_slices(tmp_path / "slices.yaml")
    seen: list[int] = []
    with pytest.raises(MevisBenchError, match=r"slices\.yaml:1"):
        score_run(predictions, data=root, slices=slices, out=tmp_path, progress=lambda done, total: seen.append(done))
    assert seen == []
    assert not (tmp_path / "results.json").exists()
