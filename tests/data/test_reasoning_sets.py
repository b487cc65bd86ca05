"""ReasonVOS, Ref-SAV and GroundMoRe: read as public code reads them."""

import json
import shutil
from pathlib import Path

import pytest

from mevis_bench.data.groundmore.dataset import seconds_of
from mevis_bench.data.registry import make_fixture, open_dataset
from mevis_bench.records import DataError
from mevis_bench.records.dataset import Dataset


def fixture(name: str, folder: Path) -> tuple[Path, Dataset]:
    make_fixture(name, folder / name)
    return folder / name, open_dataset(folder / name)


def test_groundmore_scores_twenty_frames_and_only_within_the_action(tmp_path: Path) -> None:
    _, split = fixture("groundmore", tmp_path)
    names = split.frame_names("made_0010_0015")
    assert names[:3] == ("0000000", "0000001", "0000003")
    assert len(names) == 20
    truth = split.ground_truth("made_0010_0015", "0")
    assert truth.expression.kind == "causal"
    # From second 1 to 3 of the clip at 6 frames per second: frames 6 to 17.
    assert [mask is not None for mask in truth.objects[0]] == [6 <= int(name) <= 17 for name in names]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"obj_id": "1, 2"}, r"question 0: object id '1, 2': expected a pixel value"),
        ({"obj_id": None}, r"question 0: 'obj_id': expected an integer or text with at least 1 item, got null"),
        ({"action_end": 7}, r"question 0: 'action_end': expected a time like 1:05, got 7"),
        ({"action_start": "soon"}, r"question 0: 'action_start': expected a time like 1:05, got 'soon'"),
        ({"q_type": "Other"}, r"question 0: 'q_type': expected one of Causal, Sequential, .*, got 'Other'"),
        ({"question": ""}, r"question 0: 'question': expected a sentence, got ''"),
    ],
)
def test_invalid_questions_of_groundmore_are_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    root, _ = fixture("groundmore", tmp_path)
    document = json.loads((root / "test_v2.json").read_text())
    document["videos"]["made_0010_0015"]["questions"]["0"] |= change
    (root / "test_v2.json").write_text(json.dumps(document))
    with pytest.raises(DataError, match=message):
        open_dataset(root).ground_truths("made_0010_0015")


def test_a_clip_without_times_or_frames_is_an_error(tmp_path: Path) -> None:
    root, _ = fixture("groundmore", tmp_path)
    (root / "annotations/made_0010_0015").rename(root / "annotations/made")
    with pytest.raises(DataError, match="the video has no frames"):
        open_dataset(root).expressions("made_0010_0015")
    path = root / "test_v2.json"
    path.write_text(path.read_text().replace("made_0010_0015", "made"))
    with pytest.raises(DataError, match="the id does not end with the times of the clip"):
        open_dataset(root).ground_truth("made", "0")


def test_times_have_up_to_three_parts() -> None:
    assert [seconds_of(time) for time in ("7", "1:07", "01:02:03")] == [7, 67, 3723]


def test_reason_vos_reads_lists_and_objects_of_expressions(tmp_path: Path) -> None:
    root, split = fixture("reason_vos", tmp_path)
    assert [[one.id for one in split.expressions(video_id)] for video_id in split.video_ids] == [["0", "1"]] * 2
    shutil.rmtree(root / "Annotations/burst_made_a_2")
    with pytest.raises(DataError, match="object 2 of video made_a has no masks"):
        open_dataset(root).ground_truth("made_a", "1")
    path = root / "meta_expressions.json"
    path.write_text(path.read_text().replace('"exp_text"', '"text"'))
    with pytest.raises(DataError, match="expression 0: missing key 'exp_text'"):
        open_dataset(root, "valid", "reason_vos").expressions("made_b")


def test_ref_sav_is_the_union_of_its_annotations(tmp_path: Path) -> None:
    root, split = fixture("ref_sav", tmp_path)
    assert split.ground_truth("sav_000002", "1").expression.annotation_ids == ("2", "3")
    path = root / "meta_expressions_valid.json"
    path.write_text(path.read_text().replace('"anno_id": [2, 3]', '"anno_id": [2, 9]'))
    with pytest.raises(DataError, match=r"anno_id 9 is not in mask_dict\.json"):
        open_dataset(root).ground_truth("sav_000002", "1")
