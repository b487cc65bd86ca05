"""A protocol's properties reach every function that scores; a third protocol has its own rules everywhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import find_datasets
from mevis_bench.masks import MaskRows
from mevis_bench.metrics.boundary import boundary_of
from mevis_bench.metrics.dense_reference import reference_scores
from mevis_bench.metrics.protocols import MEVIS_V1, MEVIS_V2, PROTOCOLS, find_protocol
from mevis_bench.metrics.scoring_options import ScoringOptions
from mevis_bench.metrics.segmentation import score_rows
from mevis_bench.metrics.targets import Target
from mevis_bench.metrics.tracking import count_sequence, hota_scores
from mevis_bench.records import ExitCode, TrackPrediction, UsageError
from mevis_bench.runs.score import score_run
from mevis_bench.runs.verify import verify
from mevis_bench.store.score_files import read_results
from tests.fixtures import drawn_split
from tests.fixtures.drawn_split import FolderVideo

SQUARE = np.zeros((2, 60, 80), bool)
SQUARE[:, 20:40, 20:50] = True
SHIFTED = np.roll(SQUARE, 4, axis=2)
NOTHING = np.zeros_like(SQUARE)
WIDE = replace(MEVIS_V2, name="wide", boundary_tolerance=0.05)
"""Radius 5 in a frame of 80x60, whose diagonal is 100; that of MeViS is 1."""


def target(masks: np.ndarray) -> Target:
    rows = MaskRows.from_dense(masks)
    return Target(rows, boundary_of(rows), rows.areas(), {"1": rows} if masks.any() else {})


@pytest.mark.parametrize("device", ["cpu", "cpu:0"])
def test_the_boundary_tolerance_changes_f_on_every_path(device: str) -> None:
    values = {}
    for protocol in (MEVIS_V2, WIDE):
        options = ScoringOptions(protocol, device=device)
        scores = score_rows(MaskRows.from_dense(SHIFTED), target(SQUARE), False, options)
        assert (scores["J"], scores["F"]) == reference_scores(SHIFTED, SQUARE, protocol.boundary_tolerance)
        values[protocol.name] = scores["F"]
    assert values["wide"] == 1.0
    assert values["mevis_v2"] is not None
    assert values["mevis_v2"] < 0.7


@pytest.mark.parametrize("prediction", [NOTHING, SQUARE])
@pytest.mark.parametrize("name", ["mevis_v2", "other"])
def test_the_no_target_rule_is_a_property_and_not_a_name(prediction: np.ndarray, name: str) -> None:
    half = prediction.copy()
    half[1] = False
    for rule, expected in (("credit", float(not half.any())), ("frames", 1.0 if not half.any() else 0.5)):
        options = ScoringOptions(replace(MEVIS_V2, name=name, no_target=rule))
        scores = score_rows(MaskRows.from_dense(half), target(NOTHING), not half.any(), options)
        assert (scores["J"], scores["F"]) == (expected, expected)


def test_the_two_versions_of_mevis_differ_in_the_no_target_rule_only() -> None:
    assert replace(MEVIS_V1, name=MEVIS_V2.name, source=MEVIS_V2.source, no_target="credit") == MEVIS_V2
    assert MEVIS_V1.no_target == "frames"


def test_hota_thresholds_are_those_of_trackeval_unless_the_protocol_has_others() -> None:
    assert MEVIS_V2.hota_thresholds == tuple(np.arange(0.05, 0.99, 0.05).tolist())
    one = np.zeros(1, np.int64)
    true = TrackPrediction(one, one, np.array([[0.0, 0, 10, 10]]))
    half = TrackPrediction(one, one, np.array([[0.0, 0, 10, 5]]))  # IoU 0.5
    assert hota_scores(count_sequence(true, half, MEVIS_V2.hota_thresholds)).hota == pytest.approx(10 / 19)
    assert hota_scores(count_sequence(true, half, (0.6, 0.7))).hota == 0.0
    assert hota_scores(count_sequence(true, half, (0.4,))).hota == 1.0


def test_a_third_protocol_scores_and_verifies_a_split(tmp_path: Path) -> None:
    video = FolderVideo({"1": SQUARE}, {"0": ["1"], "1": []})
    root = drawn_split.write_split(tmp_path / "split", {"v": video})
    predictions = drawn_split.write_json(tmp_path / "p.json", {"v": {"0": SHIFTED, "1": SQUARE}})
    for protocol, f in ((WIDE, 0.5), (replace(WIDE, name="frames", no_target="frames"), 0.5)):
        scored = score_run(predictions, data=root, options=ScoringOptions(protocol), out=tmp_path)
        assert read_results(tmp_path).protocol == protocol.name
        assert scored.results.metrics["F"] == f
        checked = verify(scored, None)
        assert checked.agrees, checked.differences


def test_verification_follows_the_options(tmp_path: Path) -> None:
    video = FolderVideo({"1": SQUARE}, {"0": ["1"], "1": []})
    root = drawn_split.write_split(tmp_path / "split", {"v": video})
    dot = NOTHING.copy()
    dot[0, 25, 25] = True
    predictions = drawn_split.write_json(tmp_path / "p.json", {"v": {"0": dot, "1": dot}})
    options = ScoringOptions(MEVIS_V2, no_target="pixels:2", empty_on_target="zero")
    scored = score_run(predictions, data=root, options=options, out=tmp_path)
    assert (scored.results.metrics["J"], scored.results.metrics["F"]) == (0.5, 0.5)
    assert verify(scored, None).agrees


def test_an_unknown_protocol_has_a_suggestion() -> None:
    assert find_protocol(None) is None
    assert ScoringOptions().rules is MEVIS_V2
    assert [find_protocol(name) for name in PROTOCOLS] == list(PROTOCOLS.values())
    with pytest.raises(UsageError, match=r"--protocol: unknown protocol 'mevis_v3'\nDid you mean 'mevis_v2'"):
        find_protocol("mevis_v3")


def test_every_data_set_names_a_protocol() -> None:
    for entry in find_datasets().values():
        assert ScoringOptions().for_data_set(entry.info.protocol).rules.name == entry.info.protocol


def test_run_and_merge_take_the_protocol(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--task", "rvos", "--method", "empty", "--limit", "24"]
    folder = tmp_path / "run"
    assert main([*words, "--out", str(folder), "--protocol", "mevis_v1"]) == ExitCode.OK
    assert read_results(folder).protocol == "mevis_v1"
    assert main([*words, "--out", str(folder)]) == ExitCode.OK  # predicts nothing, but scores by the other protocol
    assert read_results(folder).protocol == "mevis_v2"
    shards = [str(tmp_path / f"shard{index}") for index in (1, 2)]
    for index, shard in enumerate(shards, 1):
        assert main([*words, "--shard", f"{index}/2", "--out", shard]) == ExitCode.OK
    assert main(["merge", *shards, "--out", str(tmp_path / "merged"), "--protocol", "mevis_v1"]) == ExitCode.OK
    assert read_results(tmp_path / "merged").protocol == "mevis_v1"
    capsys.readouterr()
    for command in (
        [*words, "--out", str(tmp_path / "other")],
        ["merge", *shards, "--out", str(tmp_path / "other")],
        ["score", str(folder)],
    ):
        assert main([*command, "--protocol", "mevis_v11"]) == ExitCode.USAGE
        assert "unknown protocol 'mevis_v11'" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
