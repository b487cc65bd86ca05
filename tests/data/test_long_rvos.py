"""Long-RVOS: objects without files are absent, and tIoU and vIoU are taken over the frames with either."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.metrics.long_rvos import temporal_ious
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.records import DataError
from mevis_bench.runs.score import score_run
from tests.paths import GOLDEN

CASE = GOLDEN / "long-rvos"
NAMES = ("J&F", "J", "F", "tIoU", "vIoU")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_fixture("long_rvos", tmp_path / "data")
    return tmp_path / "data"


def test_temporal_ious_are_those_of_plain_loops() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        answered, present = random.random((2, 9)) < 0.5
        j = np.where(answered & present, random.random(9), (~answered & ~present).astype(float))
        both = [t for t in range(9) if answered[t] and present[t]]
        either = [t for t in range(9) if answered[t] or present[t]]
        expected = (len(both) / len(either), sum(j[t] for t in both) / len(either)) if either else (1.0, 1.0)
        assert temporal_ious(answered, present, j) == pytest.approx(expected, abs=1e-12)
    nothing = np.zeros(3, bool)
    assert temporal_ious(nothing, nothing, np.ones(3)) == (1.0, 1.0)
    assert temporal_ious(nothing, ~nothing, np.zeros(3)) == (0.0, 0.0)


def test_a_missing_mask_file_means_absent_and_a_missing_folder_is_an_error(root: Path) -> None:
    split = open_dataset(root)
    truth = split.ground_truth("made-0001", "1")
    assert truth.expression.kind == "dynamic"
    assert [mask is not None for mask in truth.objects[0]] == [False, False, True, True, True, True]
    shutil.rmtree(root / "valid/Annotations/made-0001/2")
    with pytest.raises(DataError, match="object 2 of video made-0001 has no masks"):
        open_dataset(root).ground_truth("made-0001", "1")


def test_an_unknown_type_is_an_error(root: Path) -> None:
    path = root / "valid/meta_expressions.json"
    path.write_text(path.read_text().replace('"static+dynamic"', '"hybrid"'))
    with pytest.raises(DataError, match=r"'type': expected one of static, dynamic, static\+dynamic, got 'hybrid'"):
        open_dataset(root).expressions("made-0001")


def write_answers(root: Path, folder: Path) -> None:
    split = open_dataset(root)
    for video_id in split.video_ids:
        for truth in split.ground_truths(video_id):
            target = folder / video_id / truth.expression.id
            target.mkdir(parents=True)
            for name, mask in zip(split.frame_names(video_id), truth.objects[0], strict=True):
                pixels = np.zeros((truth.height, truth.width), bool) if mask is None else mask.decode()
                Image.fromarray(pixels.astype(np.uint8) * 255).save(target / f"{name}.png")


def test_a_missing_later_frame_is_empty_and_a_missing_first_frame_an_error(root: Path, tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    write_answers(root, answers)
    assert score_run(answers, data=root, out=tmp_path).results.metrics == dict.fromkeys(NAMES, 1.0)
    (answers / "made-0001/1/00005.png").unlink()
    scored = score_run(answers, data=root, out=tmp_path)
    values = next(entry.values for entry in scored.scores if entry.sample == "made-0001/1")
    assert (values["J"], values["tIoU"], values["vIoU"]) == (5 / 6, 3 / 4, 3 / 4)
    (answers / "made-0001/1/00000.png").unlink()
    with pytest.raises(DataError, match=r"made-0001/1/00000.png: frame is missing"):
        score_run(answers, data=root, out=tmp_path)


@pytest.mark.golden
def test_golden_long_rvos(tmp_path: Path) -> None:
    expected = json.loads((CASE / "expected.json").read_text())
    result = score_run(
        CASE / "predictions/Annotations", data=CASE / "long_rvos", options=ScoringOptions(missing="zero"), out=tmp_path
    )
    assert result.results.dataset["name"] == "long_rvos"
    assert {
        entry.sample.replace("/", "_"): {name: entry.values[name] for name in NAMES[1:]} for entry in result.scores
    } == (expected["per_expression"])
    # The original adds up in the order in which its two workers finish, so the last digit of its means is chance.
    found = {"overall": result.results.metrics, **result.results.slices}
    for group in ("overall", "static", "dynamic", "hybrid"):
        assert {name: found[group][name] for name in NAMES} == pytest.approx(expected[group], abs=5e-16), group
