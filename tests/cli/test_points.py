"""``mevis-bench points``: answers to the bundled split are matched, counted and scored."""

import json
from pathlib import Path

import pytest

from mevis_bench.cli.app import main
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import make_mini


def test_answers_are_counted_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = make_mini("tiny", 1, 3, tmp_path / "data")
    split = open_dataset(root, "tiny")
    (video_id,) = split.video_ids
    truths = split.ground_truths(video_id)
    video = split.video(video_id)
    record = {"video": video_id, "height": video.height, "width": video.width, "fps": 6, "sampling_fps": 1}
    texts = {truth.expression.text: truth for truth in truths}
    with_target = next(text for text, truth in texts.items() if truth.objects)
    without = next(text for text, truth in texts.items() if not truth.objects)
    other = next(text for text in texts if text not in (with_target, without))
    answers = [
        {**record, "expression": with_target, "prediction": '<tracks coords="0 0 0 0; 1 0 1'},
        {**record, "expression": without, "prediction": "There is none."},
        {**record, "expression": other, "prediction": " "},
    ]
    path = tmp_path / "mevis_submission.json"
    path.write_text(json.dumps(answers))
    command = ["points", str(path), "--data", str(root), "--split", "tiny"]
    assert main([*command, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    same = [truth for truth in truths if truth.expression.text in (with_target, without, other)]
    assert report["answered"] == len(same)
    assert report["answered"] + report["missing"] == len(truths)
    assert report["unreadable"] == sum(truth.expression.text == without for truth in truths)
    assert report["cut"] == sum(truth.expression.text == with_target for truth in truths)
    assert report["empty"] == sum(truth.expression.text == other for truth in truths)
    right = sum(not truth.objects for truth in same) / len(same)
    assert report["scores"]["visible"]["precision"] >= right - 1e-9
    assert main(command) == 0
    shown = capsys.readouterr().out
    assert "lmms_eval" in shown
    assert '"no target"' in shown


def test_answers_to_another_split_are_nothing_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "answers.json"
    path.write_text('[{"video": "x", "expression": "y", "height": 1, "width": 1, "fps": 6}]')
    assert main(["points", str(path)]) == 3
    assert "no expression of the split has an answer" in capsys.readouterr().err
