"""The generator is deterministic, its splits share no video, and it writes the MeViSv2 layout."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco

from mevis_bench.cli.app import main
from mevis_bench.data.mevis.validation import validate_split
from mevis_bench.data.registry import open_dataset
from mevis_bench.data.synthetic import GeneratedVideo, make_mini, make_video
from mevis_bench.data.synthetic.plan import OPPOSITE_ORDERS
from mevis_bench.data.synthetic.world import WORLDS
from mevis_bench.records import MevisBenchError, UsageError
from mevis_bench.schemas.train_config import MiniData


def same(one: GeneratedVideo, other: GeneratedVideo) -> bool:
    return (
        one.sentences == other.sentences
        and np.array_equal(one.footage.masks, other.footage.masks)
        and all(np.array_equal(a, b) for a, b in zip(one.footage.frames, other.footage.frames, strict=True))
    )


def test_a_video_depends_on_split_seed_and_number_alone() -> None:
    video = make_video("train", 3, 1)
    assert same(video, make_video("train", 3, 1))
    for other in (make_video("train", 3, 2), make_video("train", 4, 1), make_video("valid_u", 3, 1)):
        assert not same(video, other)


def test_a_split_has_the_layout_of_mevis(tmp_path: Path) -> None:
    progress: list[tuple[str, int, int]] = []
    root = make_mini("train", 3, 9, tmp_path, progress=lambda *step: progress.append(step))
    assert root == tmp_path / "train"
    assert sorted(path.name for path in root.iterdir()) == ["JPEGImages", "mask_dict.json", "meta_expressions.json"]
    assert progress == [("videos", 1, 3), ("videos", 2, 3), ("videos", 3, 3)]
    assert validate_split(tmp_path, "train").errors == []
    meta = json.loads((root / "meta_expressions.json").read_text())["videos"]
    masks = json.loads((root / "mask_dict.json").read_text())
    seen: list[int] = []
    for index, (name, video) in enumerate(meta.items()):
        made = make_video("train", 9, index)
        assert video["vid_id"] == index
        assert [entry["exp"] for entry in video["expressions"].values()] == [
            sentence.text for sentence in made.sentences
        ]
        for entry, sentence in zip(video["expressions"].values(), made.sentences, strict=True):
            assert entry["obj_id"] == list(sentence.targets)
            assert entry["kind"] == ("no_target", "single", "multi")[min(2, len(sentence.targets))]
            assert all(anno == len(seen) + i for anno, i in zip(entry["anno_id"], sentence.targets, strict=True))
        for i in range(len(made.plan.tracks)):
            decoded = [None if rle is None else coco.decode(rle) for rle in masks[str(len(seen) + i)]]
            for t, mask in enumerate(decoded):
                expected = made.footage.masks[t, i]
                assert (mask is None and not expected.any()) or np.array_equal(mask, expected)
        frame = open_dataset(tmp_path, "train").video(name).frame(7)
        assert np.abs(frame.astype(int) - np.asarray(made.footage.frames[7])).mean() < 6
        seen += list(range(len(made.plan.tracks)))
    assert len(masks) == len(seen)


def test_order_pairs_point_at_each_other(tmp_path: Path) -> None:
    root = make_mini("train", 4, 1, tmp_path)
    pairs = 0
    for video in json.loads((root / "meta_expressions.json").read_text())["videos"].values():
        for number, entry in video["expressions"].items():
            if "order_pair" in entry:
                assert video["expressions"][entry["order_pair"]]["order_pair"] == number
                pairs += 1
    assert pairs >= 2


def test_a_longer_split_begins_with_the_shorter_one(tmp_path: Path) -> None:
    short, long = (make_mini("x", count, 2, tmp_path / str(count)) for count in (1, 2))
    one, two = (json.loads((root / "meta_expressions.json").read_text())["videos"] for root in (short, long))
    assert one["00000"] == two["00000"]


def test_more_annotators_add_sentences_and_change_nothing_else(tmp_path: Path) -> None:
    one, three = make_video("train", 3, 1), make_video("train", 3, 1, annotators=3)
    count = len(one.sentences)
    assert three.sentences[:count] == one.sentences
    assert len(three.sentences) > 2 * count
    assert same(one, replace(three, sentences=one.sentences))
    partners = [(i, s.partner) for i, s in enumerate(three.sentences) if s.partner is not None]
    assert any(i >= count for i, _ in partners)
    assert all(three.sentences[partner].partner == i for i, partner in partners)
    with pytest.raises(UsageError, match="expected at least one annotator, got 0"):
        make_mini("x", 1, 2, tmp_path, annotators=0)


def test_the_share_of_videos_with_opposite_orders_can_be_chosen(tmp_path: Path) -> None:
    def have_pairs(share: float) -> int:
        videos = [make_video("train", 3, index, opposite_orders=share) for index in range(30)]
        return sum(any(sentence.partner is not None for sentence in video.sentences) for video in videos)

    assert have_pairs(0.0) == 0
    assert have_pairs(1.0) >= 20
    assert same(make_video("train", 3, 1), make_video("train", 3, 1, opposite_orders=OPPOSITE_ORDERS))
    make_mini("x", 3, 1, tmp_path, opposite_orders=0.0)
    assert "order_pair" not in (tmp_path / "x" / "meta_expressions.json").read_text()
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(
            UsageError, match=f"expected a share of videos with opposite orders between 0 and 1, got {share}"
        ):
            make_mini("y", 1, 2, tmp_path, opposite_orders=share)


def test_the_usual_share_of_opposite_orders_is_the_same_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert MiniData(1, 1, 0, 1).opposite_orders == OPPOSITE_ORDERS
    assert (
        main(["data", "make-mini", "--split", "x", "--videos", "1", "--seed", "0", "--out", str(tmp_path), "--json"])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["opposite_orders"] == OPPOSITE_ORDERS


def test_folders_are_written_atomically_and_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_mini("train", 2, 0, tmp_path, progress=stop)
    assert not (tmp_path / "train").exists()
    make_mini("train", 1, 0, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train"]
    with pytest.raises(
        UsageError, match=r"train: the folder is not empty\nChoose another --out, or delete the folder\."
    ):
        make_mini("train", 1, 0, tmp_path)


def test_a_split_of_world_2_is_mini2_and_verifies(tmp_path: Path) -> None:
    root = make_mini("train", 2, 9, tmp_path, world=2)
    assert validate_split(tmp_path, "train").errors == []
    dataset = open_dataset(tmp_path, "train")
    assert dataset.info.name == "mini2"
    for index, video_id in enumerate(dataset.video_ids):
        made = make_video("train", 9, index, world=WORLDS[2])
        assert len(dataset.frame_names(video_id)) == len(made.footage.frames)
        assert [e.text for e in dataset.expressions(video_id)] == [sentence.text for sentence in made.sentences]
    assert (root / "meta_expressions.json").read_text().startswith('{\n "world": 2,\n "videos"')


def test_an_unknown_world_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "make-mini", "--split", "x", "--videos", "1", "--seed", "0", "--out", str(tmp_path / "out")]
    assert main([*words, "--world", "3"]) == 2
    assert capsys.readouterr().err == "error: --world: unknown world 3\nKnown: 1, 2.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("split", "videos", "seed", "message"),
    [
        ("../up", 1, 0, "--split: invalid split name '../up'"),
        ("", 1, 0, "--split: invalid split name ''"),
        ("train", 0, 0, "expected at least one video, got 0"),
        ("train", 1, -1, "expected a non-negative seed, got -1"),
    ],
)
def test_invalid_arguments_are_errors(tmp_path: Path, split: str, videos: int, seed: int, message: str) -> None:
    with pytest.raises(MevisBenchError) as caught:
        make_mini(split, videos, seed, tmp_path / "out")
    assert str(caught.value).startswith(message)
    assert not (tmp_path / "out").exists()
